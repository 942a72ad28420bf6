// Rows dealt to workers that are killed meanwhile. Started with --enable-recovery:
//
//   mpirun --enable-recovery -np 5 prediction_losses one|all
//
// Prints "as it should be" at the end, or what is WRONG.
#include <csignal>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "canopy/comm/environment.hpp"
#include "canopy/comm/farm.hpp"
#include "canopy/train/predict_over.hpp"

#include "train/judged_forest.hpp"

int main(int argc, char** argv) {
  using namespace canopy;
  comm::Environment const environment{argc, argv};
  auto const world = comm::Communicator::world();
  auto const all = std::string{argc > 1 ? argv[1] : ""} == "all";
  test::JudgedForest const judged;
  comm::Farm farm{world, [&](Bytes const& share, StopToken const& stop) {
                    if (all || world.rank().value == 2) raise(SIGKILL);
                    return train::predict_forest(share, stop);
                  }};
  if (!world.is_root()) {
    farm.serve();
    return 0;
  }
  auto const expect = [](bool condition, char const* what) {
    if (!condition) fmt::print("WRONG: {}\n", what);
  };
  expect(judged.predict(farm) == judged.expected(), "the probabilities");
  expect(farm.losses().size() == (all ? 4 : 1), "the number of lost ranks");
  expect(judged.predict(farm, 100) == judged.expected(), "those of the next prediction");
  farm.dismiss();
  fmt::print("as it should be\n");
  std::fflush(stdout);
  comm::Environment::leave(0);
}
