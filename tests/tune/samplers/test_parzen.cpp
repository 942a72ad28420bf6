#include <array>
#include <cmath>
#include <map>

#include <gmock/gmock.h>

#include "samplers/parzen.hpp"

namespace canopy::tune {
namespace {

constexpr char every_kind[] = R"(
a = { type = "float", low = -2, high = 6 }
b = { type = "float", low = 1e-4, high = 1.0, log = true }
n = { type = "int", low = 1, high = 200 }
c = ["x", "y", "z"]
)";

/// As optuna_parzen.py makes them.
std::vector<Point> observations(int count) {
  std::vector<Point> points;
  for (int i = 0; i < count; ++i)
    points.push_back({(7 * i % 256) / 256.0, (11 * i % 256) / 256.0, (3 * i % 200 + 0.5) / 200,
                      static_cast<double>(i % 3)});
  return points;
}

struct Golden {
  int count;
  std::array<double, 6> numbers;    ///< first and last weight, widths of four kernels
  std::array<double, 4> densities;  ///< logarithms, at the points below
};

/// python3 tests/tune/samplers/optuna_parzen.py (Optuna 5.0.0)
constexpr Golden optuna[] = {
    {0,
     {1, 1, 1, 1, 1, 1},
     {-6.42407517285112, -6.60500025165313, -6.560031432923, -6.39840860508216}},
    {1,
     {0.5, 0.5, 1, 1, 1, 0.9975},
     {-5.85752854376217, -6.7605950295756, -6.70893138593563, -5.88492343490302}},
    {2,
     {0.333333333333333, 0.333333333333333, 0.25, 0.25, 0.25, 0.25},
     {-5.43618687566039, -7.6880086194821, -7.57060408684301, -6.06647236260879}},
    {8,
     {0.111111111111111, 0.111111111111111, 0.1, 0.1, 0.1, 0.1},
     {-6.50000746379715, -8.80222482888747, -8.75725601024605, -8.02574749491878}},
    {40,
     {0.000742115027829314, 0.0296846011131725, 0.0238095238095238, 0.02734375, 0.0312499999999999,
      0.0238095238095238},
     {-9.94119269710248, -10.1221271003223, -10.0771582815922, -9.91553537862633}},
    {130,
     {9.74896417255667e-05, 0.0126736534243237, 0.01, 0.01171875, 0.01, 0.01},
     {-10.7923051467119, -10.9732302255139, -7.51368461014985, -10.7666385789429}},
};
Configuration const asked[] = {
    {{"a", "0"}, {"b", "0.01"}, {"n", "3"}, {"c", "x"}},
    {{"a", "-2"}, {"b", "1"}, {"n", "20"}, {"c", "z"}},
    {{"a", "5.5"}, {"b", "0.0002"}, {"n", "11"}, {"c", "y"}},
    {{"a", "1"}, {"b", "0.012"}, {"n", "4"}, {"c", "x"}},
};

TEST(Parzen, IsOptunas) {
  Encoding const encoding{Space::from_toml_text(every_kind)};
  for (auto const& golden : optuna) {
    Parzen const parzen{encoding, observations(golden.count)};
    auto const count = golden.count;
    std::array const numbers{parzen.weights()[0], parzen.weights()[count],
                             parzen.sigmas(0)[0], parzen.sigmas(0)[count / 2],
                             parzen.sigmas(1)[0], parzen.sigmas(2)[count / 3]};
    for (std::size_t i = 0; i < numbers.size(); ++i)
      EXPECT_NEAR(numbers[i], golden.numbers[i], 1e-13) << count << " observations, number " << i;
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(parzen.log_density(encoding.encode(asked[i]).value()), golden.densities[i], 2e-12)
          << count << " observations, point " << i;
  }
}

/// Of a space with an integer, a choice, steps and a condition every point can be asked.
TEST(Parzen, DensitiesSumToOneAndSamplesFollowThem) {
  Encoding const encoding{
      Space::from_toml_text("n = { type = 'int', low = 1, high = 6, log = true, also = 'None' }\n"
                            "c = ['x', 'y']\n"
                            "m = { type = 'float', low = 0, high = 1.5, points = 4, stepped = "
                            "true, if = 'c', is = 'y' }")};
  std::vector<Point> seen;
  for (auto const& each : std::vector<Configuration>{{{"n", "2"}, {"c", "x"}},
                                                     {{"n", "None"}, {"c", "y"}, {"m", "1.5"}},
                                                     {{"n", "5"}, {"c", "y"}, {"m", "1"}}})
    seen.push_back(encoding.encode(each).value());
  Parzen const parzen{encoding, seen};

  std::map<std::string, double> expected;
  for (auto const* n : {"None", "1", "2", "3", "4", "5", "6"})
    for (auto const* m : {"", "0", "0.5", "1", "1.5"}) {
      Configuration one{{"n", n}, {"c", *m == 0 ? "x" : "y"}};
      if (*m != 0) one.emplace_back("m", m);
      expected[to_text(one)] = std::exp(parzen.log_density(encoding.encode(one).value()));
    }
  double sum = 0;
  for (auto const& [text, density] : expected) sum += density;
  EXPECT_NEAR(sum, 1, 1e-13);

  Stream stream{Key{5}};
  std::map<std::string, double> drawn;
  constexpr int draws = 20'000;
  for (int i = 0; i < draws; ++i)
    drawn[to_text(encoding.decode(parzen.sample(stream)))] += 1.0 / draws;
  for (auto const& [text, density] : expected)
    EXPECT_NEAR(drawn[text], density, 4.5 * std::sqrt(density / draws)) << text;
}

TEST(Parzen, AKernelWithoutADimensionIsThePriorInIt) {
  Encoding const encoding{
      Space::from_toml_text("b = [true, false]\n"
                            "x = { type = 'float', low = 0, high = 1, if = 'b', is = true }")};
  auto const off = encoding.encode({{"b", "false"}}).value();
  auto const on = encoding.encode({{"b", "true"}, {"x", "0.2"}}).value();
  Parzen const parzen{encoding, std::vector{off, on}};
  EXPECT_EQ(parzen.sigmas(1)[0], 1);
  EXPECT_EQ(parzen.sigmas(1)[1], 0.8) << "one observation has it: as far as to the farther end";
  // kernels (1, 4)/5, (4, 1)/5 and (1, 1)/2 over false and true, a third each: x does not count
  EXPECT_NEAR(std::exp(parzen.log_density(off)), (4.0 / 5 + 1.0 / 5 + 1.0 / 2) / 3, 1e-14);
}

}  // namespace
}  // namespace canopy::tune
