#include <gmock/gmock.h>

#include "canopy/core/registry.hpp"

namespace canopy {
namespace {

/// What the registry makes here.
struct Shape {
  virtual ~Shape() = default;
  virtual int corners() const = 0;
};
struct Polygon final : Shape {
  explicit Polygon(int n) : n_{n} {}
  int corners() const override { return n_; }
  int n_;
};

Registry<Shape, int> shapes() {
  return {
      {"polygon", "as many corners as given", [](int n) { return std::make_unique<Polygon>(n); }},
      {"star", "twice as many", [](int n) { return std::make_unique<Polygon>(2 * n); }}};
}

TEST(Registry, MakesByName) {
  EXPECT_EQ(shapes().make("polygon", 5)->corners(), 5);
  EXPECT_EQ(shapes().make("star", 5)->corners(), 10);
}

TEST(Registry, ListsInOrder) {
  EXPECT_EQ(shapes().names(), (std::vector<std::string>{"polygon", "star"}));
  EXPECT_EQ(shapes().entries().at(1).summary, "twice as many");
}

TEST(Registry, NamesTheKnownChoicesWhenThereIsNone) {
  try {
    shapes().make("circle", 1);
    FAIL() << "made a circle";
  } catch (UserError const& e) {
    EXPECT_STREQ(e.what(), "no such choice 'circle', known are: polygon, star");
  }
  try {
    shapes().make("satr", 1);
    FAIL() << "made a satr";
  } catch (UserError const& e) {
    EXPECT_STREQ(e.what(),
                 "no such choice 'satr' (did you mean 'star'?), known are: polygon, star");
  }
}

}  // namespace
}  // namespace canopy
