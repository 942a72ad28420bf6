// Trees of scikit-learn 1.2.1, written by make_golden.py, node by node.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tables.hpp"

namespace canopy::forest {
namespace {

struct Golden {
  std::string settings;
  std::vector<double> importances;
  Tree tree;
  std::vector<double> values;  ///< nodes x classes
};

std::ifstream open(std::string const& file) {
  std::ifstream in{std::filesystem::path{CANOPY_SOURCE_DIR} / "tests/forest/golden" / file};
  EXPECT_TRUE(in) << file;
  return in;
}

std::vector<double> numbers(std::string const& line) {
  std::istringstream words{line};
  return {std::istream_iterator<double>{words}, {}};
}

data::Dataset read_rows(std::string const& file, int classes) {
  std::vector<std::vector<double>> rows;
  auto in = open(file);
  for (std::string line; std::getline(in, line);) rows.push_back(numbers(line));
  auto const columns = static_cast<Eigen::Index>(rows.at(0).size()) - 1;
  Eigen::MatrixXf x(static_cast<Eigen::Index>(rows.size()), columns);
  std::vector<std::uint16_t> labels;
  for (auto const& row : rows) {
    auto const i = static_cast<Eigen::Index>(labels.size());
    for (Eigen::Index f = 0; f < columns; ++f) x(i, f) = static_cast<float>(row[f]);
    labels.push_back(static_cast<std::uint16_t>(row.back()));
  }
  return test::dataset(std::move(x), std::move(labels), classes);
}

Node read_node(std::vector<double> const& fields) {
  return {.threshold = fields[1],
          .impurity = fields[6],
          .weight = fields[5],
          .feature = static_cast<std::int32_t>(fields[0]),
          .left = static_cast<std::int32_t>(fields[2]),
          .right = static_cast<std::int32_t>(fields[3]),
          .samples = static_cast<std::uint32_t>(fields[4])};
}

std::vector<Golden> read_trees(std::string const& file) {
  std::vector<Golden> trees;
  auto in = open(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream heading{line};
    std::string word;
    std::size_t nodes = 0;
    auto& golden = trees.emplace_back();
    heading >> word >> nodes;
    std::getline(heading, golden.settings);
    std::getline(in, line);
    golden.importances = numbers(line.substr(line.find(' ')));
    while (nodes-- > 0 && std::getline(in, line)) {
      auto const fields = numbers(line);
      golden.tree.nodes.push_back(read_node(fields));
      golden.values.insert(golden.values.end(), fields.begin() + 7, fields.end());
    }
  }
  return trees;
}

ForestParameters parameters_of(Golden const& golden) {
  std::vector<std::pair<std::string, std::string>> settings{
      {"n-estimators", "1"}, {"max-features", "all"}, {"bootstrap", "false"}};
  std::istringstream words{golden.settings};
  for (std::string word; words >> word;) {
    auto const equals = word.find('=');
    settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return test::parameters(settings);
}

void expect_same(Tree const& tree, Golden const& golden) {
  ASSERT_EQ(tree.size(), golden.tree.size());
  for (std::size_t i = 0; i < tree.size(); ++i) {
    auto const& node = tree.nodes[i];
    auto const& wanted = golden.tree.nodes[i];
    SCOPED_TRACE("node " + std::to_string(i));
    EXPECT_EQ(node.feature, wanted.feature);
    EXPECT_EQ(node.threshold, wanted.threshold);
    EXPECT_EQ(node.left, wanted.left);
    EXPECT_EQ(node.right, wanted.right);
    EXPECT_EQ(node.samples, wanted.samples);
    EXPECT_NEAR(node.weight, wanted.weight, 1e-10 * wanted.weight);
    EXPECT_NEAR(node.impurity, wanted.impurity, 1e-13);
  }
  auto const values = tree.all_values();
  ASSERT_EQ(values.size(), golden.values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], golden.values[i], 1e-10 * (1 + golden.values[i]));
}

void compare_all(std::string const& name, int classes, std::size_t cases) {
  auto const set = read_rows(name + ".rows", classes);
  auto const trees = read_trees(name + ".trees");
  ASSERT_EQ(trees.size(), cases);
  for (auto const& golden : trees) {
    SCOPED_TRACE(golden.settings);
    auto const forest = test::grow(set, parameters_of(golden));
    expect_same(forest.trees()[0], golden);
    auto const importances = forest.feature_importances();
    ASSERT_EQ(importances.size(), golden.importances.size());
    for (std::size_t f = 0; f < importances.size(); ++f)
      EXPECT_NEAR(importances[f], golden.importances[f], 1e-12);
  }
}

TEST(Golden, TreesWithLimitsEqualScikitLearns) {
  compare_all("mixed", 3, 17);
}

TEST(Golden, FullyGrownTreesOverOneColumnEqualScikitLearns) {
  compare_all("line", 2, 4);
}

}  // namespace
}  // namespace canopy::forest
