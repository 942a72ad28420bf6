#include "earlier_session.hpp"

#include <filesystem>
#include <utility>

#include "canopy/core/error.hpp"

namespace canopy::app {

using nlohmann::json;

std::time_t seconds_of(std::string const& utc) {
  std::tm parts{};
  return ::strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr ? 0 : ::timegm(&parts);
}

std::optional<record::RunRecord> checkpoint_of(record::RunFiles const& files, json const& start) {
  if (!std::filesystem::exists(files.run_file)) return {};
  auto earlier = record::read_without_model(files.run_file);
  bool const is_earlier = start.value("resumes", false) ||
                          seconds_of(start.value("started", "")) <= seconds_of(earlier.finished);
  if (earlier.status == "complete" || !is_earlier) return {};
  return earlier;
}

void refuse(RunStart& start, std::string const& why) {
  start.journal->remove();
  throw UserError{why};
}

void keep_checkpoint(record::RunRecord& failed, RunStart const& start,
                     RunIdentity const& identity) try {
  auto const& run_file = start.files.run_file;
  if (!std::filesystem::exists(run_file)) return;
  auto earlier = record::read(run_file);
  if (earlier.status != "complete" &&
      !why_another_run(run_file, identity_of(earlier, identity), identity))
    failed.model = std::move(earlier.model);
} catch (DataError const&) {
  // nobody can go on from a damaged one
}

std::vector<Event> earlier_events(RunStart const& start) try {
  if (!start.resumes) return {};
  auto const begun = start.records.empty() ? json{{"resumes", true}} : start.records.front();
  auto const earlier = checkpoint_of(start.files, begun);
  auto const* table = earlier ? earlier->table("events") : nullptr;
  return table == nullptr ? std::vector<Event>{} : events_of(*table);
} catch (DataError const&) {
  return {};  // a search goes on from its journal, and writes the damaged file anew
}

}  // namespace canopy::app
