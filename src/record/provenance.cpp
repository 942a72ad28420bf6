#include "canopy/record/provenance.hpp"

#include <array>
#include <cstdlib>
#include <fstream>

#include <unistd.h>

#include "canopy/core/text.hpp"

// The build defines these; a build without them is still a program, of unknown origin.
#ifndef CANOPY_VERSION
#define CANOPY_VERSION "unknown"
#endif
#ifndef CANOPY_GIT
#define CANOPY_GIT "unknown"
#endif
#ifndef CANOPY_COMPILER
#define CANOPY_COMPILER "unknown"
#endif
#ifndef CANOPY_FLAGS
#define CANOPY_FLAGS "unknown"
#endif

namespace canopy::record {
namespace {

std::string cpu_model() {
  std::ifstream info{"/proc/cpuinfo"};
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name") && line.find(':') != std::string::npos)
      return std::string{text::trim(std::string_view{line}.substr(line.find(':') + 1))};
  return "unknown";
}

std::string hostname() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::string variable(char const* name) {
  auto const* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void fill_provenance(RunRecord& run) {
  run.version = CANOPY_VERSION;
  run.git = CANOPY_GIT;
  auto& environment = run.environment;
  environment.set_attribute("compiler", std::string{CANOPY_COMPILER});
  environment.set_attribute("flags", std::string{CANOPY_FLAGS});
  environment.set_attribute("cpu", cpu_model());
  environment.set_attribute("slurm_job", variable("SLURM_JOB_ID"));
  environment.set_attribute("hostname", hostname());
}

}  // namespace canopy::record
