#include <limits>
#include <numeric>
#include <utility>

#include "partition/dealers.hpp"
#include "partition/gamma.hpp"
#include "partition/quantity.hpp"

namespace canopy::data {
namespace {

double constexpr closed = -std::numeric_limits<double>::infinity();

/// Every client in turn draws proportions of its own and then its rows, class by class at random,
/// from those that are left. The concentration of a class is in proportion to its rows.
class InnerDirichletDealer {
 public:
  explicit InnerDirichletDealer(Deck const& deck) : owners_(deck.size()) {
    auto const classes = by_class(deck);
    for (int c = 0; c < classes.clients(); ++c) {
      auto const rows = classes.rows(c);
      if (rows.empty()) continue;
      auto& pile = piles_.emplace_back(rows.begin(), rows.end());
      Stream{deck.key.with("order").with(static_cast<std::uint64_t>(c))}.shuffle(std::span{pile});
    }
    for (auto const& pile : piles_)
      concentrations_.push_back(deck.number * static_cast<double>(piles_.size() * pile.size()) /
                                static_cast<double>(deck.size()));
  }

  void serve(std::uint32_t client, std::uint64_t rows, Stream stream) {
    std::vector<double> drawn;
    for (auto const concentration : concentrations_)
      drawn.push_back(log_gamma_draw(stream, concentration));
    auto weights = weigh(drawn);
    for (; rows > 0; --rows) {
      auto& pile = piles_[pick(weights, stream)];
      owners_[pile.back()] = client;
      pile.pop_back();
      if (pile.empty() && rows > 1) weights = weigh(drawn);
    }
  }

  Owners take() { return std::move(owners_); }

 private:
  /// Of the classes that have rows left.
  std::vector<double> weigh(std::vector<double> drawn) const {
    for (std::size_t c = 0; c < drawn.size(); ++c)
      if (piles_[c].empty()) drawn[c] = closed;
    exponentiate(drawn);
    return drawn;
  }

  static std::size_t pick(std::vector<double> const& weights, Stream& stream) {
    auto left = stream.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
    auto last = weights.size();
    for (std::size_t c = 0; c < weights.size(); ++c) {
      if (weights[c] == 0) continue;
      last = c;
      if (left < weights[c]) break;
      left -= weights[c];
    }
    return last;
  }

  Owners owners_;
  std::vector<Places> piles_;  ///< of the classes that there are, what is left of their rows
  std::vector<double> concentrations_;
};

}  // namespace

// In an order left to chance: whoever comes late finds little of what is wanted.
Owners deal_inner_dirichlet(Deck const& deck) {
  Places order(deck.quantity.size());
  std::iota(order.begin(), order.end(), 0u);
  Stream{deck.key.with("clients")}.shuffle(std::span{order});
  auto const least = least_rows(deck.size(), deck.quantity.size(), 10);
  auto const sizes = apportion(deck.size(), deck.quantity, least);
  InnerDirichletDealer dealer{deck};
  for (auto const client : order)
    dealer.serve(client, sizes[client], Stream{deck.key.with("client").with(client)});
  return dealer.take();
}

}  // namespace canopy::data
