#include "canopy/core/pooled.hpp"

#include <atomic>
#include <mutex>
#include <new>
#include <utility>

#include "canopy/core/aligned.hpp"

namespace canopy {
namespace {

constexpr std::size_t line = 64;
constexpr std::size_t block_bytes = 4 * large_page;
constexpr std::size_t smallest = std::size_t{1} << 14;
constexpr std::size_t largest = large_page;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool pools = false;  // so that reading behind an array is seen
#else
constexpr bool pools = true;
#endif

bool is_pooled(std::size_t bytes) {
  return pools && bytes >= smallest && bytes < largest;
}

/// Stands at the beginning of its memory.
struct alignas(line) Block {
  std::atomic<std::size_t> users{1};  ///< arrays, and the pool while it gives from it

  static Block* make() { return new (aligned_memory(block_bytes)) Block; }
  void leave() {
    if (users.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    this->~Block();
    ::operator delete(this, alignment_for(block_bytes));
  }
};

/// Stands before each array.
struct alignas(line) Place {
  Block* block;
};

class Pool {
 public:
  ~Pool() {
    if (block_) block_->leave();
  }

  void* take(std::size_t bytes) {
    auto const size = sizeof(Place) + (bytes + line - 1) / line * line;
    std::scoped_lock const lock{mutex_};
    if (!block_ || used_ + size > block_bytes) {
      auto* const full = std::exchange(block_, Block::make());
      if (full) full->leave();
      used_ = sizeof(Block);
    }
    auto* const place = reinterpret_cast<std::byte*>(block_) + std::exchange(used_, used_ + size);
    block_->users.fetch_add(1, std::memory_order_relaxed);
    return new (place) Place{block_} + 1;
  }

 private:
  std::mutex mutex_;
  Block* block_ = nullptr;
  std::size_t used_ = 0;  ///< bytes of the block
};

Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

void* take_pooled(std::size_t bytes) {
  return is_pooled(bytes) ? pool().take(bytes) : aligned_memory(bytes);
}

void give_back_pooled(void* memory, std::size_t bytes) {
  if (!is_pooled(bytes)) return ::operator delete(memory, alignment_for(bytes));
  (static_cast<Place*>(memory) - 1)->block->leave();
}

}  // namespace canopy
