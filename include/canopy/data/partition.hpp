#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/options.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/table.hpp"
#include "canopy/data/dataset.hpp"
#include "canopy/data/source.hpp"
#include "canopy/data/splits.hpp"

/// Which client holds which rows, and how its copies of them differ from the others': the
/// statistical heterogeneity of a federation.
namespace canopy::data {

/// How rows are dealt. Written NAME or NAME:NUMBER; partition_kinds() and quantity_kinds() tell
/// what each means.
struct PartitionOptions {
  std::string partition = "iid";
  std::string quantity = "equal";
  double label_noise = 0;       ///< share of every client's labels that are wrong; see noisy_label
  double feature_noise = 0;     ///< of the last client; see skew_features
  double feature_rotation = 0;  ///< degrees, of the first and last client; see skew_features

  void describe(Options& options);
  /// UserError when a value is none of those that there are, or two do not go together.
  void check() const;
  /// UserError when images are to be turned and the data is no images (`image` is nothing).
  void check_image(std::optional<SampleShape> const& image) const;
  bool skews_features() const { return feature_noise > 0 || feature_rotation > 0; }
};

/// A choice as the user writes it ("dirichlet:ALPHA") and what it means; for --help and tests.
struct PartitionKind {
  std::string form;
  std::string summary;
};
std::vector<PartitionKind> partition_kinds();
std::vector<PartitionKind> quantity_kinds();

/// Which rows belong to which client: 8 bytes a client and 4 bytes a row.
class Partition {
 public:
  /// Client k has rows[begins[k]] up to rows[begins[k + 1]]; clients + 1 begins.
  Partition(std::vector<std::uint64_t> begins, Rows rows);

  int clients() const { return static_cast<int>(begins_.size()) - 1; }
  /// Ascending, as make_partition deals them.
  std::span<RowIndex const> rows(int client) const;
  /// Of all clients, one after the other.
  std::span<RowIndex const> all_rows() const { return rows_; }

  friend bool operator==(Partition const&, Partition const&) = default;

 private:
  std::vector<std::uint64_t> begins_;
  Rows rows_;
};

/// Deals each of `rows` (ascending row numbers) to exactly one of `clients` clients. `labels` and
/// `groups` are looked up by row number; only `natural` needs groups, and there clients = 0 means
/// as many as there are. The same key, the same partition.
///
/// Where sizes or proportions are drawn, a client is to have at least 10 rows, or 1 where the mean
/// is below 20: --quantity adds to that; dirichlet draws again, ten times at most and not when more
/// than 20 clients are empty, and the draw whose smallest client is largest counts. UserError when
/// a client would have no row at all.
Partition make_partition(PartitionOptions const& options, int clients,
                         std::span<RowIndex const> rows, std::span<std::uint16_t const> labels,
                         int classes, std::span<std::uint32_t const> groups, Key key);

/// What a row comes from by nature, by row of `train` and numbered from 0 in ascending order:
/// writers of mnist (DataError without mnist/mnist-train-writer.csv, or when it tells of other
/// digits), wilderness areas of data that has their columns. Empty for all other data.
std::vector<std::uint32_t> natural_groups(Source const& source, Dataset const& train);
/// Different groups among `rows`: the number of clients that `natural` makes.
int count_groups(std::span<RowIndex const> rows, std::span<std::uint32_t const> groups);

/// The label of a row as its client sees it: with probability label_noise, the same for all
/// clients, another class, each equally likely. Depends on key and row only.
std::uint16_t noisy_label(PartitionOptions const& options, std::uint16_t label, int classes,
                          RowIndex row, Key key);

/// Whose rows they are, and the client's copies of them as they came (pixels, not standardised).
struct ClientCopies {
  int client = 0;
  int clients = 1;
  std::span<RowIndex const> rows;
  std::span<float> values;  ///< rows x columns, row-major
};

/// What the device of client k of K does to its rows. Images are first turned anticlockwise by
/// feature_rotation * (2k/(K-1) - 1) degrees about their middle, bilinearly, with 0 from outside
/// (K = 1: not at all). Then every value gets Gaussian noise of deviation
/// feature_noise * (k+1)/K * unit (NIID-Bench, Li et al. 2022, "noise-based feature imbalance").
/// `units`: deviations over the training rows, by column or by channel; empty: 1. A copy depends on
/// key, client and row only, so that it may be made anew at any time.
void skew_features(PartitionOptions const& options, ClientCopies copies,
                   std::optional<SampleShape> const& image, std::span<double const> units, Key key);

/// Table "client_labels", one row per client: client, rows, emd, and rows of each class as
/// label_NAME. emd = sum over classes of |share at the client - share over all clients|, 0 .. 2,
/// the earth mover's distance of Zhao et al. 2018 (arXiv 1806.00582). `labels` by row number.
Table client_label_table(Partition const& partition, std::span<std::uint16_t const> labels,
                         std::vector<std::string> const& class_names);

}  // namespace canopy::data
