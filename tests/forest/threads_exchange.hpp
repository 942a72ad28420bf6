#pragma once

#include <barrier>
#include <exception>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "canopy/forest/sharded.hpp"

namespace canopy::forest::test {

/// Processes of a sharded fit, played by threads.
class Threads {
 public:
  explicit Threads(int size) : size_{size}, barrier_{size}, sums_(places()), swaps_(places()) {}

  /// Runs `work(exchange)` as every process at once. Throws what the first of them threw; they must
  /// throw together, or those that are left wait for ever.
  void run(std::function<void(Exchange&)> const& work) {
    std::vector<std::exception_ptr> errors(places());
    {
      std::vector<std::jthread> threads;
      for (int rank = 0; rank < size_; ++rank)
        threads.emplace_back([&, rank] {
          Seat seat{*this, rank};
          try {
            work(seat);
          } catch (...) {
            errors[static_cast<std::size_t>(rank)] = std::current_exception();
          }
        });
    }
    for (auto const& error : errors)
      if (error) std::rethrow_exception(error);
  }

 private:
  class Seat : public Exchange {
   public:
    Seat(Threads& all, int rank) : all_{all}, rank_{rank} {}
    int rank() const override { return rank_; }
    int size() const override { return all_.size_; }
    void sum(std::span<std::uint32_t> numbers) override {
      all_.sums_[place()].assign(numbers.begin(), numbers.end());
      all_.barrier_.arrive_and_wait();
      std::ranges::fill(numbers, 0u);
      for (auto const& theirs : all_.sums_)
        for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] += theirs.at(i);
      all_.barrier_.arrive_and_wait();
    }
    std::vector<Bytes> swap(std::vector<Bytes> to) override {
      all_.swaps_[place()] = std::move(to);
      all_.barrier_.arrive_and_wait();
      std::vector<Bytes> received;
      for (auto const& sent : all_.swaps_) received.push_back(sent.at(place()));
      all_.barrier_.arrive_and_wait();
      return received;
    }
    std::vector<Bytes> gather(Bytes mine) override {
      return swap(std::vector(all_.places(), mine));
    }

   private:
    std::size_t place() const { return static_cast<std::size_t>(rank_); }
    Threads& all_;
    int rank_;
  };

  std::size_t places() const { return static_cast<std::size_t>(size_); }

  int size_;
  std::barrier<> barrier_;
  std::vector<std::vector<std::uint32_t>> sums_;
  std::vector<std::vector<Bytes>> swaps_;
};

}  // namespace canopy::forest::test
