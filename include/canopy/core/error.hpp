#pragma once

#include <stdexcept>
#include <string>

namespace canopy {

/// How a process ends; the meaning of each number is part of the interface (see README).
enum class ExitCode : int { done = 0, usage = 2, data = 3, partial = 4, interrupted = 75 };

/// The run cannot proceed and the user can mend it. The text names problem, reason and remedy.
struct UserError : std::runtime_error {
  explicit UserError(std::string const& text, ExitCode exit_code = ExitCode::usage)
      : std::runtime_error{text}, code{exit_code} {}
  ExitCode code;
};

/// A file or data set is missing, malformed or of the wrong kind (exit status 3).
struct DataError : UserError {
  explicit DataError(std::string const& text) : UserError{text, ExitCode::data} {}
};

/// Work was given up because somebody asked to stop; nothing is wrong.
struct Stopped : std::runtime_error {
  Stopped() : std::runtime_error{"stopped on request"} {}
};

}  // namespace canopy
