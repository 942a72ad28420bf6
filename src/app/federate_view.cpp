#include "federate_view.hpp"

#include <cmath>

#include <fmt/format.h>

#include "canopy/core/text.hpp"

namespace canopy::app {
namespace {

using federate::RoundRow;

std::string accuracy_text(RoundRow const& row) {
  std::string text;
  if (!std::isnan(row.accuracy)) text += fmt::format("accuracy {:.4f}  ", row.accuracy);
  if (!std::isnan(row.client_accuracy_mean))
    text += fmt::format("clients {:.4f} +- {:.4f}  ", row.client_accuracy_mean,
                        row.client_accuracy_std);
  return text;
}

}  // namespace

void FederateView::round(RoundRow const& row) {
  auto text = fmt::format("round {:>{}}/{}  {}train loss {:.4f}  {} client{}", row.round,
                          std::to_string(rounds_).size(), rounds_, accuracy_text(row),
                          row.train_loss, row.clients, row.clients == 1 ? "" : "s");
  if (row.dropped > 0) text += fmt::format(" ({} dropped)", row.dropped);
  text += fmt::format("  {:.3f} s real, {:.1f} s virtual  {} moved", row.real_seconds,
                      row.virtual_seconds, text::bytes(row.bytes_device));
  progress_.say(text);
}

void FederateView::idle(std::int64_t done) {
  auto const line = [&] {
    return fmt::format("{} {} of {} rounds, {}",
                       progress_bar(static_cast<double>(done) / static_cast<double>(rounds_), 30),
                       done, rounds_, text::duration(clock_.seconds()));
  };
  progress_.update([&] { return std::vector<std::string>{line()}; }, line);
}

std::string federate_summary(federate::FederationState const& state, std::string const& network,
                             int clients, double seconds) {
  double device_bytes = 0;
  double real_bytes = 0;
  std::int64_t updates = 0;
  for (auto const& row : state.rounds) {
    device_bytes += row.bytes_device;
    real_bytes += row.bytes_real;
    updates += row.clients;
  }
  auto text = fmt::format("{:<11}{}\n", "network", network);
  text += fmt::format("{:<11}{} clients, {} rounds, {} updates in {} ({:.0f} updates/s)\n",
                      "federation", text::grouped(clients), state.round, text::grouped(updates),
                      text::duration(seconds), static_cast<double>(updates) / seconds);
  text += fmt::format("{:<11}{} between ranks; the devices would have moved {} in {}\n", "bytes",
                      text::bytes(real_bytes), text::bytes(device_bytes),
                      text::duration(state.virtual_seconds));
  if (!state.rounds.empty() && !std::isnan(state.rounds.back().accuracy))
    text +=
        fmt::format("{:<11}{:.4f} on the test rows\n", "accuracy", state.rounds.back().accuracy);
  text += fmt::format("{:<11}{}\n", "sha256", state.models.back().id);
  return text;
}

}  // namespace canopy::app
