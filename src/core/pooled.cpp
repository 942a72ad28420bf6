#include "canopy/core/pooled.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include <sys/mman.h>

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

/// Has the small pages of memory that is about to be filled made at once: a fault for each costs
/// more than filling it. Large pages would be fewer still, but where memory is in pieces the kernel
/// first moves others about for them.
void make_pages([[maybe_unused]] std::byte* begin, [[maybe_unused]] std::size_t bytes) {
#if defined(MADV_POPULATE_WRITE)
  constexpr std::uintptr_t page = 4096;
  auto const at = reinterpret_cast<std::uintptr_t>(begin);
  auto const first = at / page * page;
  madvise(reinterpret_cast<void*>(first), at + bytes - first, MADV_POPULATE_WRITE);
#endif
}

bool is_pooled(std::size_t bytes) {
  return pools && bytes >= smallest && bytes < largest;
}

/// Stands at the beginning of its memory.
struct alignas(line) Block {
  static constexpr std::align_val_t alignment{4096};

  std::atomic<std::size_t> users{1};  ///< arrays, and the pool while it gives from it

  static Block* make() { return new (::operator new(block_bytes, alignment)) Block; }
  void leave() {
    if (users.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    this->~Block();
    ::operator delete(this, alignment);
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
    make_pages(place, size);
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
