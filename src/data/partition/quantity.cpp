#include "partition/quantity.hpp"

#include <cassert>
#include <cmath>
#include <numeric>

#include "partition/gamma.hpp"

namespace canopy::data {
namespace {

using Weights = std::vector<double>;

Weights equal(int clients, double, Key) {
  return Weights(static_cast<std::size_t>(clients), 1.0);
}

/// Which client is the largest, the second, ... is left to chance.
Weights power(int clients, double exponent, Key key) {
  Weights weights;
  for (int rank = 1; rank <= clients; ++rank) weights.push_back(std::pow(rank, -exponent));
  Stream{key}.shuffle(std::span{weights});
  return weights;
}

/// Of weights of which `draw` gives the logarithms.
template <class Draw>
Weights from_logarithms(int clients, Key key, Draw draw) {
  Stream stream{key};
  Weights weights;
  for (int client = 0; client < clients; ++client) weights.push_back(draw(stream));
  exponentiate(weights);
  return weights;
}

Weights lognormal(int clients, double sigma, Key key) {
  return from_logarithms(clients, key, [&](Stream& stream) { return sigma * stream.normal(); });
}

Weights dirichlet(int clients, double beta, Key key) {
  return from_logarithms(clients, key,
                         [&](Stream& stream) { return log_gamma_draw(stream, beta); });
}

struct Kind {
  Form form;
  Weights (*weights)(int clients, double number, Key key);
};

std::vector<Kind> const& table() {
  static std::vector<Kind> const kinds{
      {{"equal", "", no_number(), "as many rows for every client, within one"}, equal},
      {{"power", "EXPONENT", from_0(), "the r-th largest client in proportion to r^-EXPONENT"},
       power},
      {{"lognormal", "SIGMA", from_0(), "in proportion to exp(SIGMA * normal), as FedProx's data"},
       lognormal},
      {{"dirichlet", "BETA", above_0(), "shares drawn from Dirichlet(BETA), as NIID-Bench's"},
       dirichlet},
  };
  return kinds;
}

}  // namespace

std::vector<Form> const& quantity_forms() {
  static auto const forms = [] {
    std::vector<Form> all;
    for (auto const& kind : table()) all.push_back(kind.form);
    return all;
  }();
  return forms;
}

std::vector<double> draw_weights(Chosen quantity, int clients, Key key) {
  return table()[quantity.index].weights(clients, quantity.number, key.with("quantity"));
}

std::uint64_t least_rows(std::uint64_t total, std::uint64_t parts, std::uint64_t wanted) {
  if (total >= 2 * wanted * parts) return wanted;
  return total >= parts ? 1 : 0;
}

std::vector<std::uint64_t> apportion(std::uint64_t total, std::span<double const> weights,
                                     std::uint64_t least) {
  assert(least * weights.size() <= total);
  auto const rest = static_cast<double>(total - least * weights.size());
  auto const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::uint64_t> sizes;
  sizes.reserve(weights.size());
  double passed = 0;
  std::uint64_t given = 0;
  for (auto const weight : weights) {
    passed += weight;
    // The same sum in the same order, so that the last client ends on the last row exactly.
    auto const until = static_cast<std::uint64_t>(rest * passed / sum);
    sizes.push_back(least + until - given);
    given = until;
  }
  return sizes;
}

}  // namespace canopy::data
