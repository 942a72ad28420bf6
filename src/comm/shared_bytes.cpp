#include "canopy/comm/shared_bytes.hpp"

#include <algorithm>
#include <exception>
#include <optional>

#include <boost/mpi/collectives.hpp>

namespace canopy::comm {
namespace {

constexpr std::size_t piece = std::size_t{1} << 28;

/// Owns the window. Freeing it is collective, so a rank that leaves by an exception must not try.
class Window {
 public:
  Window(Communicator node, std::size_t size) : node_{std::move(node)} {
    auto const mine = static_cast<MPI_Aint>(node_.is_root() ? size : 0);
    MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, node_.mpi(), &base_, &window_);
    MPI_Aint bytes = 0;
    int unit = 0;
    MPI_Win_shared_query(window_, 0, &bytes, &unit, &base_);
  }
  Window(Window const&) = delete;
  Window& operator=(Window const&) = delete;
  ~Window() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized == 0 && std::uncaught_exceptions() == 0) MPI_Win_free(&window_);
  }

  std::byte* data() const { return static_cast<std::byte*>(base_); }
  void publish() const { MPI_Win_fence(0, window_); }

 private:
  Communicator node_;
  void* base_ = nullptr;
  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace

SharedBytes share(Communicator const& comm, std::span<std::byte const> from_root) {
  auto const size = comm.broadcast(std::uint64_t{from_root.size()});
  auto const node = comm.split_by_node();
  auto const leaders = comm.split(node.is_root() ? 0 : 1);
  auto const window = std::make_shared<Window>(node, size);
  window->publish();
  if (comm.is_root()) std::ranges::copy(from_root, window->data());  // which may be empty
  if (node.is_root())
    for (std::size_t at = 0; at < size; at += piece)
      boost::mpi::broadcast(leaders.mpi(), reinterpret_cast<char*>(window->data()) + at,
                            static_cast<int>(std::min<std::size_t>(piece, size - at)), 0);
  window->publish();
  return {{window->data(), size}, window};
}

}  // namespace canopy::comm
