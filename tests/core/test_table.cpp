#include <cmath>

#include <gtest/gtest.h>

#include "canopy/core/table.hpp"

namespace canopy {
namespace {

Table example() {
  Table table{"trials"};
  table.column("id", Table::Type::integer)
      .column("score", Table::Type::real)
      .column("origin", Table::Type::text);
  table.add({std::int64_t{0}, 0.1, "default"});
  table.add({std::int64_t{1}, std::int64_t{2}, ""});
  return table;
}

TEST(Table, HoldsWhatWasAdded) {
  auto const table = example();
  EXPECT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.columns(), 3u);
  EXPECT_EQ(table.column_names(), (std::vector<std::string>{"id", "score", "origin"}));
  EXPECT_EQ(std::get<std::int64_t>(table.at(1, 0)), 1);
  EXPECT_EQ(table.number(0, "score"), 0.1);
  EXPECT_EQ(table.number(1, "id"), 1.0);
  EXPECT_EQ(std::get<double>(table.at(1, "score")), 2.0) << "a whole number in a real column";
  EXPECT_EQ(table.text(0, "origin"), "default");
  EXPECT_EQ(table.text(0, "score"), "0.1");
  EXPECT_TRUE(table.has_column("id"));
  EXPECT_FALSE(table.has_column("Id"));
}

TEST(Table, RefusesWhatDoesNotFit) {
  auto table = example();
  EXPECT_THROW(table.add({std::int64_t{2}}), std::logic_error);
  EXPECT_ANY_THROW(table.add({"two", 0.5, "x"}));
  EXPECT_THROW(table.at(0, "nothing"), DataError);
  EXPECT_THROW(table.number(0, "origin"), DataError);
  EXPECT_ANY_THROW(table.at(2, 0));
}

TEST(Table, RoundTripsThroughArrays) {
  auto const table = example();
  EXPECT_EQ(Table::from_arrays("trials", table.to_arrays()), table);

  auto uneven = table.to_arrays();
  uneven.put("more", std::vector<double>{1});
  EXPECT_THROW(Table::from_arrays("trials", uneven), DataError);
}

TEST(Table, ReadsNarrowArrays) {
  NamedArrays arrays;
  arrays.put("n", std::vector<std::uint8_t>{200});
  arrays.put("x", std::vector<float>{0.5f});
  auto const table = Table::from_arrays("t", arrays);
  EXPECT_EQ(std::get<std::int64_t>(table.at(0, "n")), 200);
  EXPECT_EQ(std::get<double>(table.at(0, "x")), 0.5);
}

TEST(Cell, IsWrittenShort) {
  EXPECT_EQ(to_text(Cell{std::int64_t{12}}), "12");
  EXPECT_EQ(to_text(Cell{0.1}), "0.1");
  EXPECT_EQ(to_text(Cell{empty_cell}), "");
  EXPECT_EQ(to_text(Cell{"sqrt"}), "sqrt");
}

}  // namespace
}  // namespace canopy
