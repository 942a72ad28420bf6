#pragma once

#include <filesystem>
#include <random>
#include <string>

#include "canopy/comm/communicator.hpp"

namespace canopy::test {

/// A file name that all ranks agree on; what stands there is removed at the end, by the root.
class OutFile {
 public:
  explicit OutFile(comm::Communicator const& world)
      : is_root_{world.is_root()},
        path_{world.broadcast((std::filesystem::temp_directory_path() /
                               ("canopy-train-" + std::to_string(std::random_device{}()) + ".h5"))
                                  .string())} {}
  OutFile(OutFile const&) = delete;
  OutFile& operator=(OutFile const&) = delete;
  ~OutFile() {
    std::error_code ignored;
    if (!is_root_) return;
    std::filesystem::remove(path_, ignored);
    std::filesystem::remove(journal(), ignored);
  }

  std::string path() const { return path_; }
  std::filesystem::path journal() const {
    return std::filesystem::path{path_}.replace_extension(".journal");
  }

 private:
  bool is_root_;
  std::string path_;
};

}  // namespace canopy::test
