#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/partition/deals.hpp"
#include "support/complaint.hpp"

namespace canopy::data {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

TEST(PartitionOptions, ThatCannotBeAreErrors) {
  auto const error = [](std::string partition, std::string quantity = "equal") {
    return canopy::test::complaint([&] { options_of(partition, quantity).check(); });
  };
  EXPECT_THAT(error("dirichelt:0.5"),
              AllOf(HasSubstr("--partition is 'dirichelt:0.5' (did you mean 'dirichlet'?)"),
                    HasSubstr("expected one of iid, contiguous, dirichlet:ALPHA")));
  for (auto const* word : {"dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:-1",
                           "dirichlet:inf", "dirichlet:nan", "dirichlet:1:2"})
    EXPECT_THAT(error(word), HasSubstr("expected dirichlet:ALPHA with ALPHA more than 0")) << word;
  for (auto const* word : {"shards", "shards:0", "shards:1.5", "shards:two"})
    EXPECT_THAT(error(word), HasSubstr("expected shards:S with S a whole number from 1")) << word;
  EXPECT_THAT(error("iid:3"), HasSubstr("expected iid alone"));
  EXPECT_THAT(error("iid", "powr:1"), AllOf(HasSubstr("--quantity is"), HasSubstr("'power'")));
  EXPECT_THAT(error("iid", "power:-1"), HasSubstr("with EXPONENT from 0"));
  EXPECT_THAT(error("natural", "power:1"), HasSubstr("settles the sizes by itself"));
  auto noisy = PartitionOptions{};
  noisy.label_noise = 1.5;
  EXPECT_THAT(canopy::test::complaint([&] { noisy.check(); }), HasSubstr("--label-noise is '1.5'"));
}

}  // namespace
}  // namespace canopy::data
