#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "canopy/core/error.hpp"

/// The files that a command is told to write: looked at before the work, written after it.
namespace canopy {

/// UserError unless a file could be written at `path`, which the user gave by `option` and which
/// should end in `ending`: it names a folder, a device or one of the files that are `read`, or its
/// folder cannot be made or written to. An empty path is not looked at. Leaves nothing behind,
/// makes no folder.
void check_output(std::string const& option, std::filesystem::path const& path,
                  std::string const& ending, std::vector<std::string> const& read = {});

/// What to tell when a file could not be written after all, such as for a full disk.
UserError cannot_write(std::filesystem::path const& path, std::string const& reason);

/// Makes the folder of `path` when it is missing. UserError when it cannot be made.
void make_folder_of(std::filesystem::path const& path);

/// Lets `write` write text to `path`.part and renames it: at any moment `path` is absent, the old
/// file, or the complete new one. UserError when it cannot be written, and then leaves no .part.
void write_text(std::filesystem::path const& path, std::function<void(std::ostream&)> const& write);

}  // namespace canopy
