#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/mpi/communicator.hpp>

#include "canopy/core/bytes.hpp"
#include "canopy/core/error.hpp"

namespace canopy::comm {

/// Position of a process in its communicator. A type of its own, so that it cannot be mistaken for
/// a count or a tag.
struct Rank {
  int value = 0;
  friend auto operator<=>(Rank, Rank) = default;
};

/// A group of processes that work together. Cheap to copy; the MPI communicator behind it is shared
/// and freed with the last copy.
class Communicator {
 public:
  static constexpr Rank root{0};

  explicit Communicator(boost::mpi::communicator comm) : comm_{std::move(comm)} {}
  /// Everyone that mpirun started; a group of one without mpirun. Needs an Environment.
  static Communicator world();

  Rank rank() const { return {comm_.rank()}; }
  int size() const { return comm_.size(); }
  bool is_root() const { return rank() == root; }

  /// Collective. The same group, with messages of its own.
  Communicator duplicate() const;
  /// Collective. Ranks that pass the same `color` form one smaller group, in rank order.
  Communicator split(int color) const;
  /// Collective. The ranks that share this rank's memory: those on its machine.
  Communicator split_by_node() const;

  void barrier() const;

  /// Collective. The root's value, on every rank.
  template <class T>
  T broadcast(T const& value) const {
    return from_bytes<T>(broadcast_bytes(is_root() ? to_bytes(value) : Bytes{}));
  }

  /// Collective. On the root one value per rank, in rank order; elsewhere nothing.
  template <class T>
  std::vector<T> gather(T const& value) const {
    std::vector<T> values;
    for (auto const& bytes : gather_bytes(to_bytes(value))) values.push_back(from_bytes<T>(bytes));
    return values;
  }

  /// Collective. Runs `step` everywhere; if it throws on any rank, all of them throw what the first
  /// of those ranks threw, so that no rank is left waiting for one that has gone.
  template <class Step>
  void together(std::string_view what, Step&& step) const {
    Complaint mine;
    try {
      std::invoke(std::forward<Step>(step));
    } catch (UserError const& e) {
      mine = {static_cast<int>(e.code), e.what()};
    } catch (std::exception const& e) {
      mine = {not_the_users_fault, std::string{what} + ": " + e.what()};
    }
    throw_if_any(mine);
  }

  boost::mpi::communicator const& mpi() const { return comm_; }

 private:
  struct Complaint {
    int code = 0;
    std::string text;
    template <class Archive>
    void fields(Archive& archive) {
      archive(code, text);
    }
  };
  static constexpr int not_the_users_fault = 1;

  Bytes broadcast_bytes(Bytes bytes) const;
  std::vector<Bytes> gather_bytes(Bytes const& mine) const;
  void throw_if_any(Complaint const& mine) const;

  boost::mpi::communicator comm_;
};

}  // namespace canopy::comm
