#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace canopy::nn {

/// The shape of one sample, in the order channels, height, width. A row of a table is
/// {columns, 1, 1}; a dense layer gives {units, 1, 1} and takes any shape as one row (flattened in
/// that order).
struct Shape {
  int channels = 1;
  int height = 1;
  int width = 1;

  int size() const { return channels * height * width; }
  std::string text() const;  ///< "32x26x26"
  friend bool operator==(Shape const&, Shape const&) = default;
};

/// The shape of `columns` numbers that are an image: one channel when they are a square, three when
/// a third of them is. DataError for other numbers.
Shape image_shape(int columns);

/// One layer: a kind of the table `layer_kinds()` and its numbers by name, all of them, in the
/// order of the table.
struct LayerSpec {
  std::string kind;
  std::vector<std::pair<std::string, double>> numbers;
  std::vector<LayerSpec> body;  ///< of a residual block: y = x + body(x)

  double number(std::string_view name) const;
  friend bool operator==(LayerSpec const&, LayerSpec const&) = default;
};

/// What a network consists of. The last layer gives one number (logit) per class; softmax and
/// cross-entropy belong to the loss.
struct Architecture {
  std::string name;  ///< as the user wrote it: "mlp:200-200", or the name of a file
  Shape input;
  int classes = 0;
  std::vector<LayerSpec> layers;

  friend bool operator==(Architecture const&, Architecture const&) = default;
};

/// The named models:
///   softmax        dense to the classes: multinomial logistic regression
///   mlp            dense 64 - relu - dense 32 - relu - dense (FEDn's example)
///   mlp:200-200    the same with any hidden widths
///   lenet          LeNet-5 without padding: 44,426 parameters on 28x28 (LeCun et al. 1998, with
///                  relu and max pooling, as SimpleChains.jl times it)
///   cnn            conv 3x3x32 - relu - conv 3x3x64 - relu - max pool 2 - dropout 0.25 - dense 128
///   -
///                  relu - dropout 0.5 - dense: PyTorch's MNIST example, 1,199,882 parameters
/// UserError for an unknown name (with the nearest known one) and for an input that the model
/// cannot take.
Architecture architecture(std::string_view model_name, Shape input, int classes);

/// A name of `architecture()` with what it is; for --help and errors.
struct NamedModel {
  std::string name;
  std::string summary;
};
std::vector<NamedModel> const& named_models();
/// Whether `architecture()` knows the name, "mlp:200-200" too. Nothing is said about shapes.
bool is_network(std::string_view model_name);

/// An architecture from a layer list in TOML. A layer without numbers is a word, one with numbers a
/// table whose first key is the kind; `"classes"` stands for their number:
///     layers = [{conv2d = 32, kernel = 3, padding = 1}, "batch_norm", "relu", {max_pool = 2},
///               {residual = [{dense = 64}, "relu"]}, {dense = "classes"}]
/// UserError as FILE: line N, column C for unknown layers and numbers, and for a layer that cannot
/// take its input (layer number and shapes are named).
Architecture architecture_from_toml(std::string const& toml, std::string const& file, Shape input,
                                    int classes);
/// The layer list; architecture_from_toml reads it back as the same layers.
std::string to_toml(Architecture const& architecture);

}  // namespace canopy::nn
