#include <algorithm>
#include <array>
#include <optional>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/data/readers.hpp"

#include "gzip.hpp"

namespace canopy::data {
namespace {

/// The content of one IDX file of unsigned bytes.
struct Idx {
  std::vector<std::uint32_t> extent;  ///< outermost dimension first
  std::vector<unsigned char> values;
};

std::array<unsigned char, 4> read_word(ByteSource& source) {
  std::array<unsigned char, 4> word{};
  if (source.read(reinterpret_cast<char*>(word.data()), 4) < 4)
    throw DataError{source.path().string() +
                    ": the file ends within its header, expected an IDX file"};
  return word;
}

std::size_t read_rank(ByteSource& source, std::size_t least, std::size_t most) {
  auto const magic = read_word(source);
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || magic[3] < least || magic[3] > most) {
    std::string shown;
    for (auto const byte : magic) shown += (shown.empty() ? "" : " ") + std::to_string(byte);
    throw DataError{source.path().string() + ": it starts with the bytes " + shown +
                    ", expected 0 0 8 " + std::to_string(most) + " (IDX, unsigned bytes, " +
                    std::to_string(most) + " dimensions)"};
  }
  return magic[3];
}

/// The number of values declared, when the file can possibly hold so many.
std::uint64_t declared_size(ByteSource const& source, std::vector<std::uint32_t> const& extent) {
  std::uint64_t size = 1;
  for (auto const n : extent) {
    if (n == 0)
      throw DataError{source.path().string() + ": it declares a dimension of 0, expected rows"};
    // The bound is checked at every step, so that the product cannot overflow.
    if (size > source.most_bytes() / n) {
      std::vector<std::string> words;
      for (auto const m : extent) words.push_back(text::grouped(m));
      throw DataError{source.path().string() + ": it declares " + text::join(words, " x ") +
                      " values, but the file is too small to hold them; expected an intact IDX "
                      "file, copy or download it again"};
    }
    size *= n;
  }
  return size;
}

/// Memory grows with what really comes, whatever was declared.
std::vector<unsigned char> read_values(ByteSource& source, std::uint64_t declared) {
  std::size_t constexpr step = 1024 * 1024;
  std::vector<unsigned char> values;
  for (std::size_t done = 0; done < declared;) {
    auto const want = static_cast<std::size_t>(std::min<std::uint64_t>(step, declared - done));
    values.resize(done + want);
    auto const got = source.read(reinterpret_cast<char*>(values.data() + done), want);
    done += got;
    if (got < want)
      throw DataError{source.path().string() + ": it holds " +
                      text::grouped(std::ssize(values) - static_cast<std::int64_t>(want - got)) +
                      " values, expected the " +
                      text::grouped(static_cast<std::int64_t>(declared)) + " that it declares"};
  }
  char extra = 0;
  if (source.read(&extra, 1) != 0)
    throw DataError{source.path().string() + ": it goes on after the " +
                    text::grouped(static_cast<std::int64_t>(declared)) +
                    " values that it declares, expected its end"};
  return values;
}

Idx read_file(std::filesystem::path const& path, std::size_t least_rank, std::size_t most_rank) {
  ByteSource source{path};
  Idx idx;
  for (auto left = read_rank(source, least_rank, most_rank); left > 0; --left) {
    auto const b = read_word(source);
    idx.extent.push_back(std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 |
                         std::uint32_t{b[2]} << 8 | b[3]);
  }
  idx.values = read_values(source, declared_size(source, idx.extent));
  return idx;
}

std::optional<std::filesystem::path> labels_beside(std::filesystem::path const& images) {
  std::string const mark = "images-idx3";
  auto name = images.filename().string();
  auto const at = name.find(mark);
  if (at == std::string::npos) return {};
  name.replace(at, mark.size(), "labels-idx1");
  auto const plain = name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
  for (auto const& candidate : {name, plain, plain + ".gz"})
    if (auto const path = images.parent_path() / candidate; std::filesystem::exists(path))
      return path;
  return {};
}

Eigen::MatrixXf to_features(Idx const& idx) {
  using Bytes = Eigen::Matrix<unsigned char, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Index const rows = idx.extent.front();
  auto const columns = static_cast<Eigen::Index>(idx.values.size()) / rows;
  Eigen::MatrixXf features(rows, columns);
  Eigen::Index constexpr block = 128;  // rows whose bytes stay in the cache while columns are made
  for (Eigen::Index first = 0; first < rows; first += block) {
    auto const n = std::min(block, rows - first);
    Eigen::Map<Bytes const> const bytes{idx.values.data() + first * columns, n, columns};
    features.middleRows(first, n) = bytes.cast<float>();
  }
  return features;
}

void add_labels(Dataset& dataset, std::filesystem::path const& path) {
  auto const idx = read_file(path, 1, 1);
  if (std::ssize(idx.values) != dataset.rows())
    throw DataError{path.string() + ": it holds " + text::grouped(std::ssize(idx.values)) +
                    " labels, expected " + text::grouped(dataset.rows()) + ", one per image of " +
                    dataset.name};
  dataset.labels.assign(idx.values.begin(), idx.values.end());
  for (int i = 0; i <= std::ranges::max(idx.values); ++i)
    dataset.class_names.push_back(std::to_string(i));
}

}  // namespace

Dataset read_idx(std::filesystem::path const& images) {
  Dataset dataset;
  dataset.name = images.string();
  auto const idx = read_file(images, 2, 3);
  dataset.features = to_features(idx);
  if (idx.extent.size() == 3)
    dataset.image =
        SampleShape{1, static_cast<int>(idx.extent[1]), static_cast<int>(idx.extent[2])};
  for (int i = 0; i < dataset.columns(); ++i)
    dataset.feature_names.push_back("pixel" + std::to_string(i));
  dataset.label_name = "label";
  if (auto const labels = labels_beside(images)) add_labels(dataset, *labels);
  return dataset;
}

}  // namespace canopy::data
