#pragma once

#include <cstdint>
#include <string>

namespace canopy::comm {

/// A process and where it runs, as it travels.
struct ProcessName {
  std::string machine;  ///< and its process numbers; empty: cannot be told
  std::int64_t number = 0;

  template <class Archive>
  void fields(Archive& archive) {
    archive(machine, number);
  }
};
ProcessName this_process();

/// Tells when another process of this machine has ended, however it ended, without a message and
/// without waiting. Of processes elsewhere it knows nothing.
class ProcessWatch {
 public:
  explicit ProcessWatch(ProcessName const& process);
  ProcessWatch(ProcessWatch&& other) noexcept;
  ProcessWatch& operator=(ProcessWatch&&) = delete;
  ~ProcessWatch();

  /// Whether it is one that we would know of if it ended.
  bool sees() const { return descriptor_ >= 0; }
  bool has_ended() const;

 private:
  int descriptor_ = -1;  ///< of the process itself, so that its number may be used again (pidfd)
};

}  // namespace canopy::comm
