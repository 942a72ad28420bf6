#include <algorithm>
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

double constexpr closed = -std::numeric_limits<double>::infinity();

/// Every class is split by proportions of its own over the clients that still want rows. The latter
/// stands not in the paper (Yurochkin et al. 2019) but in its program, in NIID-Bench and, as
/// self_balancing, in Flower: sizes would else differ as much as proportions.
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

}  // namespace canopy::data
