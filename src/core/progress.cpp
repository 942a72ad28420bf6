#include "canopy/core/progress.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace canopy {
namespace {

constexpr double seconds_between_blocks = 0.2;
constexpr double seconds_between_lines = 5;

/// Ranks write into pipes or pseudo-terminals of mpirun's, so it is mpirun's own standard error
/// that tells: the parent of rank 0.
bool person_watches() {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return isatty(STDERR_FILENO) == 1;
  std::error_code ignored;
  auto const link = std::filesystem::read_symlink(fmt::format("/proc/{}/fd/2", getppid()), ignored);
  return link.string().starts_with("/dev/pts/") || link.string().starts_with("/dev/tty");
}

}  // namespace

std::string progress_bar(double share, int width) {
  auto const full = static_cast<int>(std::lround(share * width));
  return fmt::format("[{:#<{}}{:.<{}}]", "", full, "", width - full);
}

Progress::Progress(ProgressMode mode) : mode_{mode} {
  if (mode_ == ProgressMode::automatic)
    mode_ = person_watches() ? ProgressMode::bar : ProgressMode::lines;
  if (mode_ == ProgressMode::lines) next_ = seconds_between_lines;
}

void Progress::update(std::function<std::vector<std::string>()> const& block,
                      std::function<std::string()> const& line) {
  if (mode_ == ProgressMode::none || clock_.seconds() < next_) return;
  if (mode_ == ProgressMode::bar) {
    next_ = clock_.seconds() + seconds_between_blocks;
    draw(block());
  } else {
    next_ = clock_.seconds() + seconds_between_lines;
    fmt::print(stderr, "{}\n", line());
  }
}

void Progress::draw(std::vector<std::string> const& block) {
  erase_block();
  for (auto const& line : block) fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
  drawn_ = block;
}

void Progress::erase_block() {
  if (!drawn_.empty()) fmt::print(stderr, "\x1b[{}A\x1b[J", drawn_.size());
  drawn_.clear();
}

void Progress::say(std::string const& text) {
  if (mode_ != ProgressMode::none) warn(text);
}

void Progress::warn(std::string const& text) {
  auto const block = drawn_;
  erase_block();
  fmt::print(stderr, "{}\n", text);
  if (!block.empty()) draw(block);
}

void Progress::finish() {
  drawn_.clear();
}

}  // namespace canopy
