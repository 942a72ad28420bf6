#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/registry.hpp"
#include "canopy/core/stop.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/samples.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/tune/slices.hpp"
#include "canopy/tune/space.hpp"

namespace canopy::tune {

/// What one fold of one trial gave. Times are seconds.
struct FoldScore {
  double score = 0;
  double fit_time = 0;
  double score_time = 0;
  std::vector<std::int64_t> confusion;  ///< classes x classes, row = true class
  std::vector<std::uint64_t> right;     ///< bit i % 64 of word i / 64: row i of split.test is right
  std::vector<double> slices;           ///< score of every slice, when there are any

  template <class Archive>
  void fields(Archive& archive) {
    archive(score, fit_time, score_time, confusion, right, slices);
  }
};

/// What learners learn from.
struct LearnerData {
  std::variant<data::EncodedTable, data::Samples> rows;  ///< for forests, for networks
  std::vector<std::string> class_names;
  std::vector<std::string> feature_names;
  std::string scoring = "accuracy";
  std::string layers = {};    ///< of the network, in TOML; empty: it is one of the named ones
  bool trials_climb = false;  ///< what a fit has learnt is wanted again, with more of the resource
  /// Where trials climb: of the resource, on the highest rung. None: the default.
  std::optional<int> most_resource = {};
  /// Those who fit a network together, just now; they make the same calls, and the first has the
  /// score. Forests need none.
  std::function<comm::Communicator const&()> team = {};

  data::EncodedTable const& table() const { return std::get<data::EncodedTable>(rows); }
  data::Samples const& samples() const { return std::get<data::Samples>(rows); }
  /// Class number per row; there may be more than one learns from, as of a test set.
  std::span<std::uint16_t const> labels() const;
  int classes() const;
};

/// The kind of model that a search tunes. Made on every rank.
class Learner {
 public:
  virtual ~Learner() = default;

  /// Every parameter that a space may name, with its default as text.
  virtual Configuration defaults() const = 0;
  virtual Space default_space() const = 0;
  /// The same with all that it leaves to the model said, such as a learning rate that follows from
  /// the optimizer.
  virtual Configuration spelled_out(Configuration configuration) const { return configuration; }
  /// UserError when the configuration makes no sense.
  virtual void check(Configuration const& configuration) const = 0;
  /// Expected work of one fold relative to other configurations; orders the queue, decides nothing.
  virtual double cost(Configuration const& configuration) const = 0;
  /// Fits on split.train, scores on split.test. `key` fixes all randomness.
  virtual FoldScore fit_and_score(Configuration const& configuration, data::Split const& split,
                                  Key key, StopToken const& stop) const = 0;

  /// The parameter that a scheduler gives out step by step, such as n_estimators. A fit with more
  /// of it, of the same split and key, goes on where an earlier one ended.
  virtual std::string resource() const = 0;
  /// Parameters that one fit tells all values of, in the order of its slices; none: no slices.
  virtual std::vector<std::string> nested() const { return {}; }
  /// Fits without the caps that the axes name and scores all slices; `score` is that of the fit as
  /// it is, and there is no `confusion` and no `right`, which would be this fit's too. The bits of
  /// fit_and_score with the values of each slice.
  virtual FoldScore fit_and_score_slices(Configuration const& configuration, SliceAxes const& axes,
                                         data::Split const& split, Key key,
                                         StopToken const& stop) const;
};

/// By the name given to --model: forests and networks.
Registry<Learner, LearnerData const&> const& learners();
/// Also of the network that is called "mlp:200-200", and of "FILE.toml", whose layers `data` has.
/// UserError for other names.
std::unique_ptr<Learner> make_learner(std::string const& model, LearnerData const& data);
/// Whether make_learner() knows it.
bool is_learner(std::string const& model);
/// Whether that is a network.
bool is_network(std::string const& model);

}  // namespace canopy::tune
