#include "train_view.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace canopy::app {
namespace {

std::string line(std::string const& name, std::string const& text) {
  return fmt::format("{:<11}{}\n", name, text);
}

std::string forest_text(forest::Forest const& model) {
  std::vector<int> depths;
  for (auto const& tree : model.trees()) depths.push_back(tree.depth());
  auto const mean = std::accumulate(depths.begin(), depths.end(), 0.0) /
                    static_cast<double>(std::max<std::size_t>(1, depths.size()));
  return fmt::format("{} trees, {} nodes, mean depth {:.1f}, deepest {}", model.trees().size(),
                     text::grouped(static_cast<std::int64_t>(model.nodes())), mean,
                     depths.empty() ? 0 : std::ranges::max(depths));
}

std::string evaluation_text(Evaluation const& evaluation) {
  auto text = fmt::format("accuracy {:.4f}", evaluation.confusion.accuracy());
  if (evaluation.scoring != "accuracy")
    text += fmt::format(", {} {:.4f}", evaluation.scoring, evaluation.score);
  return text + fmt::format(" on {} rows", text::grouped(evaluation.confusion.total()));
}

std::string importances_text(std::vector<double> const& importances,
                             std::vector<std::string> const& names) {
  std::vector<std::size_t> order(importances.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t f) { return importances[f]; });
  constexpr std::size_t shown = 5;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min(shown, order.size()); ++i)
    words.push_back(fmt::format("{} {:.3f}", names[order[i]], importances[order[i]]));
  return text::join(words, ", ");
}

}  // namespace

std::string TrainView::times(int grown) const {
  auto const pace = clock_.seconds() / std::max(1, grown - known_);
  auto const left = grown == known_ ? std::string{"?"} : text::duration((trees_ - grown) * pace);
  return fmt::format("{} gone, about {} to go", text::duration(clock_.seconds()), left);
}

void TrainView::watch(int grown) {
  progress_.update(
      [&] {
        return std::vector<std::string>{
            title_, fmt::format("  trees    {} {} of {}   {}",
                                progress_bar(static_cast<double>(grown) / trees_, 30), grown,
                                trees_, times(grown))};
      },
      [&] { return fmt::format("trees {}/{}  {}", grown, trees_, times(grown)); });
}

std::string fit_summary(FitFacts const& facts, forest::Forest const& model, Phases const& phases,
                        std::vector<Evaluation> const& evaluations,
                        std::vector<double> const& importances) {
  auto const fit = phases.seconds_of("fit");
  auto text = line("data", fmt::format("{} rows x {} features to learn from, loaded in {:.2f} s",
                                       text::grouped(static_cast<std::int64_t>(facts.rows)),
                                       facts.features, phases.seconds_of("load")));
  text += line("encoded",
               fmt::format("{:.1f} MB in {:.2f} s", static_cast<double>(facts.encoded_bytes) / 1e6,
                           phases.seconds_of("encode")));
  text += line("forest", forest_text(model));
  text += line("fit", fmt::format("{} trees in {:.2f} s on {} rank{}, {:.2f} trees/s", facts.grown,
                                  fit, facts.ranks, facts.ranks == 1 ? "" : "s",
                                  facts.grown / std::max(fit, 1e-9)));
  for (auto const& evaluation : evaluations)
    text += line(evaluation.rows_from, evaluation_text(evaluation));
  if (evaluations.empty())
    text += line("accuracy", "not known: no rows were kept out; see --test-size and --oob-score");
  return text + line("importance", importances_text(importances, model.feature_names()));
}

}  // namespace canopy::app
