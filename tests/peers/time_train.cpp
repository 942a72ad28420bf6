// Times training of one network for train_speed.py:
//   time_train MODEL BATCH STEPS DATA DATA_DIR
// DATA as for `canopy --data`. Every step gathers the rows of a shuffled order, runs the virtual
// shards of the batch forward and backward, sums their gradients by the tree and makes a step of
// SGD with momentum. Prints images per second of processor time as one line of JSON.
#include <cstdio>
#include <numeric>
#include <string>

#include <fmt/format.h>

#include "canopy/core/aligned.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/data/source.hpp"
#include "canopy/nn/optimizer.hpp"
#include "canopy/nn/pass.hpp"
#include "canopy/nn/standardisation.hpp"
#include "canopy/nn/tree_sum.hpp"

namespace {

using namespace canopy;
using nn::Range;

struct Images {
  std::vector<float> pixels;  // row-major
  std::vector<std::uint16_t> labels;
  nn::RowsView<float> view;
  nn::Shape shape;
  int classes;
};

Images load(std::string const& name, std::string const& dir) {
  data::Source source;
  source.data = name;
  source.data_dir = dir;
  auto const loaded = data::load(source, 0);
  auto const& train = loaded.train;
  Images images;
  images.pixels.resize(static_cast<std::size_t>(train.features.size()));
  Eigen::Map<Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>{images.pixels.data(), train.rows(),
                                                            train.columns()} = train.features;
  images.labels = train.labels;
  images.view = {images.pixels.data(), train.rows(), train.columns(), train.columns()};
  images.shape = nn::image_shape(train.columns());
  images.classes = train.classes();
  return images;
}

class Training {
 public:
  Training(Images const& images, std::string const& model, int batch)
      : images_{images},
        batch_{batch},
        network_{nn::architecture(model, images.shape, images.classes)},
        parameters_(network_.arena_size()),
        arena_{parameters_.span()},
        pass_{network_, static_cast<int>(nn::shard_rows(batch, 0).size())},
        sum_{network_.arena_size(), 0, nn::virtual_shards(batch)},
        rows_(images.labels.size()) {
    network_.initialise(Key{1}, arena_);
    std::iota(rows_.begin(), rows_.end(), 0u);
    Stream{Key{2}}.shuffle(std::span{rows_});
    gather_.emplace(images.shape, nn::Standardisation::fit(images.view, rows_, images.shape));
    optimizer_ = nn::make_optimizer({.lr = 0.05}, network_, {0, arena_.size()});
  }

  nn::Loss step(std::int64_t number) {
    auto const shards = nn::virtual_shards(batch_);
    nn::Loss total;
    sum_.begin();
    for (int shard = 0; shard < shards; ++shard) {
      auto const loss = run(number, shard);
      total.sum += loss.sum;
      total.correct += loss.correct;
    }
    optimizer_->step({0, arena_.size()}, arena_, sum_.node(0),
                     {number + 1, 0.05, 1.0 / batch_, 1.0 / shards});
    return total;
  }

 private:
  nn::Loss run(std::int64_t number, int shard) {
    auto const range = nn::shard_rows(batch_, shard);
    auto const batches = rows_.size() / static_cast<std::size_t>(batch_);
    auto const first =
        static_cast<std::size_t>(number) % batches * static_cast<std::size_t>(batch_);
    auto const rows =
        std::span<std::uint32_t const>{rows_}.subspan(first + range.begin, range.size());
    labels_.clear();
    for (auto const row : rows) labels_.push_back(images_.labels[row]);
    (*gather_)(images_.view, rows, pass_.input());
    pass_.forward(arena_, {static_cast<int>(rows.size()), rows,
                           Key{3}.with(static_cast<std::uint64_t>(number)), true});
    auto const loss = pass_.loss(labels_);
    auto const place = sum_.place(shard);
    pass_.backward(arena_, place.gradients, place.put);
    sum_.push(shard);
    return loss;
  }

  Images const& images_;
  int batch_;
  nn::Network network_;
  AlignedArray<float> parameters_;
  std::span<float> arena_;
  nn::Pass pass_;
  nn::TreeSum sum_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint16_t> labels_;
  std::optional<nn::Gather> gather_;
  std::unique_ptr<nn::Optimizer> optimizer_;
};

void run(std::string const& model, int batch, int steps, Images const& images) {
  Training training{images, model, batch};
  auto const warm_up = std::max(1, steps / 10);
  for (int i = 0; i < warm_up; ++i) training.step(i);
  auto const start = process_cpu_seconds();
  nn::Loss last;
  for (int i = 0; i < steps; ++i) last = training.step(warm_up + i);
  auto const seconds = process_cpu_seconds() - start;
  fmt::print("{{\"images_per_second\": {}, \"loss\": {}}}\n", steps * batch / seconds,
             last.sum / batch);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) {
    std::fputs("usage: time_train MODEL BATCH STEPS DATA DATA_DIR\n", stderr);
    return 2;
  }
  run(argv[1], std::stoi(argv[2]), std::stoi(argv[3]), load(argv[4], argv[5]));
} catch (std::exception const& e) {
  std::fprintf(stderr, "time_train: %s\n", e.what());
  return 1;
}
