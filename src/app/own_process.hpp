#pragma once

#include <functional>
#include <string>

namespace canopy::app {

/// What `work` returns, worked out by a process of its own, which begins as a copy of this one: it
/// may crash or hang, as the HDF5 library does over some damaged files, and this one lives on.
/// DataError with the text of what `work` throws, and when the process crashes or has not come to
/// an end after so many seconds.
std::string in_own_process(std::function<std::string()> const& work, double seconds);

}  // namespace canopy::app
