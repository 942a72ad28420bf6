#include "partial_model.hpp"

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "canopy/forest/tree_arrays.hpp"
#include "canopy/record/run_record.hpp"

#include "earlier_session.hpp"

namespace canopy::app {

NamedArrays partial_model(forest::Forest const& forest, train::Trees const& grown,
                          std::vector<std::int64_t> numbers, std::string const& fingerprint) {
  auto arrays = forest.to_arrays();
  forest::put_trees(arrays, grown);
  arrays.put("numbers", std::move(numbers));
  arrays.set_attribute("data", fingerprint);
  return arrays;
}

std::optional<train::Trees> earlier_trees(RunStart& start, RunIdentity const& identity,
                                          std::size_t number) {
  auto const& run_file = start.files.run_file;
  if (!std::filesystem::exists(run_file)) return {};
  auto const record = record::read(run_file);
  if (!record.model || !record.model->has("numbers")) return {};
  RunIdentity const that{record.command, record.settings, record.model->text_attribute("data"),
                         record.started};
  if (auto const why = why_another_run(run_file, that, identity)) {
    if (!start.records.empty()) return {};
    refuse(start, *why);
  }
  auto const earlier = forest::Forest::from_arrays(*record.model);
  train::Trees trees(number);
  auto const& numbers = record.model->get<std::int64_t>("numbers");
  for (std::size_t i = 0; i < numbers.size(); ++i)
    trees.at(static_cast<std::size_t>(numbers[i])) = earlier.trees().at(i);
  return trees;
}

}  // namespace canopy::app
