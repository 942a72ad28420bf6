#include "canopy/forest/forest.hpp"
#include "canopy/forest/tree_arrays.hpp"

#include "model/damage.hpp"

namespace canopy::forest {
namespace {

void check_format(NamedArrays const& arrays) {
  auto const found = arrays.text_attribute("format");
  if (found == tree_format) return;
  throw DataError{"this forest has the format '" + found + "', expected '" +
                  std::string{tree_format} +
                  "'; train it again (the same settings and seed give the same trees), or use the "
                  "version of canopy that wrote it"};
}

ForestParameters parameters_from(NamedArrays const& arrays) {
  ForestParameters parameters;
  Options options;
  parameters.describe(options);
  try {
    for (auto const& row : options.rows()) row.set(arrays.text_attribute(row.name));
    parameters.check();
  } catch (UserError const& e) {
    damaged(e.what());
  }
  return parameters;
}

}  // namespace

NamedArrays Forest::to_arrays() const {
  NamedArrays arrays;
  arrays.set_attribute("format", std::string{tree_format});
  auto parameters = parameters_;
  Options options;
  parameters.describe(options);
  for (auto const& row : options.rows()) arrays.set_attribute(row.name, row.get());
  arrays.put("class_names", class_names_);
  arrays.put("feature_names", feature_names_);
  put_trees(arrays, trees_);
  return arrays;
}

Forest Forest::from_arrays(NamedArrays const& arrays) {
  check_format(arrays);
  auto const& class_names = arrays.get<std::string>("class_names");
  auto const& feature_names = arrays.get<std::string>("feature_names");
  if (class_names.empty() || class_names.size() > 65536)
    damaged("it has no classes, or more than 65,536");
  return Forest{parameters_from(arrays),
                get_trees(arrays, static_cast<int>(feature_names.size()),
                          static_cast<int>(class_names.size())),
                class_names, feature_names};
}

}  // namespace canopy::forest
