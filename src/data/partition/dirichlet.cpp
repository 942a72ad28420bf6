#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "partition/dealers.hpp"
#include "partition/gamma.hpp"
#include "partition/quantity.hpp"

namespace canopy::data {
namespace {

int constexpr most_draws = 10;
/// So many clients without rows are not mended by drawing again.
std::ptrdiff_t constexpr hopeless = 20;

/// Logarithms of weights as weights, the largest of which is 1.
void exponentiate(std::span<double> logarithms) {
  auto const most = *std::ranges::max_element(logarithms);
  for (auto& x : logarithms) x = std::exp(x - most);
}

double constexpr closed = -std::numeric_limits<double>::infinity();

/// Every class is split by proportions of its own over the clients that still want rows. Without
/// the latter, which neither Yurochkin et al. 2019 nor Hsu et al. 2019 mention but all programs do
/// ("self_balancing" in Flower), sizes would differ as much as proportions.
class DirichletDealer {
 public:
  explicit DirichletDealer(Deck const& deck) : deck_{deck}, classes_{by_class(deck)} {
    auto const sum = std::accumulate(deck.quantity.begin(), deck.quantity.end(), 0.0);
    auto const least = static_cast<double>(least_rows(deck.size(), deck.quantity.size(), 10));
    auto const rest = static_cast<double>(deck.size()) - least * deck.clients;
    for (auto const weight : deck.quantity) wanted_.push_back(least + rest * (weight / sum));
  }

  /// Rows of each client, in the draw that was made last.
  std::span<std::uint64_t const> held() const { return held_; }

  Owners draw(Key key) {
    held_.assign(wanted_.size(), 0);
    Owners owners(deck_.size());
    for (int c = 0; c < classes_.clients(); ++c)
      if (!classes_.rows(c).empty()) draw_class(c, key.with(static_cast<std::uint64_t>(c)), owners);
    return owners;
  }

 private:
  void draw_class(int c, Key key, Owners& owners) {
    auto const rows = classes_.rows(c);
    Places order{rows.begin(), rows.end()};
    Stream{key.with("order")}.shuffle(std::span{order});
    auto const sizes = apportion(order.size(), proportions(key.with("proportions")), 0);
    give(order, sizes, std::identity{}, owners);
    for (std::size_t k = 0; k < sizes.size(); ++k) held_[k] += sizes[k];
  }

  /// From Dirichlet(ALPHA * wanted / mean wanted); 0 for clients that have what they want.
  std::vector<double> proportions(Key key) const {
    auto const mean = static_cast<double>(deck_.size()) / deck_.clients;
    Stream stream{key};
    std::vector<double> parts;
    for (std::size_t k = 0; k < wanted_.size(); ++k) {
      auto const drawn = log_gamma_draw(stream, deck_.number * wanted_[k] / mean);
      parts.push_back(static_cast<double>(held_[k]) < wanted_[k] ? drawn : closed);
    }
    exponentiate(parts);
    return parts;
  }

  Deck const& deck_;
  Partition classes_;
  std::vector<double> wanted_;
  std::vector<std::uint64_t> held_;
};

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

Owners deal_dirichlet(Deck const& deck) {
  auto const clients = static_cast<std::uint64_t>(deck.clients);
  auto const enough = least_rows(deck.size(), clients, 10);
  DirichletDealer dealer{deck};
  Owners best;
  std::uint64_t most = 0;
  for (std::uint64_t i = 0; i < most_draws && most < enough; ++i) {
    auto drawn = dealer.draw(deck.key.with("draw").with(i));
    auto const smallest = *std::ranges::min_element(dealer.held());
    if (best.empty() || smallest > most) best = std::move(drawn);
    most = std::max(most, smallest);
    if (std::ranges::count(dealer.held(), 0u) > hopeless) break;
  }
  return best;
}

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
