#pragma once

#include <chrono>
#include <string>

namespace canopy {

/// Seconds since this object was made, on a clock that never jumps.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Seconds of processor time used so far, by this thread and by the whole process.
double thread_cpu_seconds();
double process_cpu_seconds();

/// Largest resident memory of this process so far, in bytes.
double max_resident_bytes();

/// Now in UTC, "2026-11-23T04:05:06Z"; and as a part of a file name, "20261123-040506".
std::string utc_now();
std::string file_stamp();

}  // namespace canopy
