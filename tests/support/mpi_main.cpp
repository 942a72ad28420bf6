// The main of every test that runs under mpirun: the root prints, failures of any rank are shown,
// and the worst result of all ranks is the result.
#include <boost/mpi/collectives.hpp>
#include <gtest/gtest.h>

#include "canopy/comm/environment.hpp"

int main(int argc, char** argv) {
  canopy::comm::Environment environment{argc, argv};
  ::testing::InitGoogleTest(&argc, argv);
  auto const world = canopy::comm::Communicator::world();
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (!world.is_root()) delete listeners.Release(listeners.default_result_printer());
  int const mine = RUN_ALL_TESTS();
  return boost::mpi::all_reduce(world.mpi(), mine, boost::mpi::maximum<int>{});
}
