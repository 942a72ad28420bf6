#include <cstdlib>

#include <gtest/gtest.h>

#include "canopy/record/provenance.hpp"

namespace canopy::record {
namespace {

TEST(Provenance, FillsInWhereTheRunComesFrom) {
  RunRecord run;
  run.environment.set_attribute("mpi", std::string{"some MPI"});
  ::unsetenv("SLURM_JOB_ID");
  fill_provenance(run);
  EXPECT_FALSE(run.version.empty());
  EXPECT_FALSE(run.git.empty());
  for (auto const* name : {"compiler", "flags", "cpu", "hostname"})
    EXPECT_FALSE(run.environment.text_attribute(name).empty()) << name;
  EXPECT_EQ(run.environment.text_attribute("slurm_job"), "");
  EXPECT_EQ(run.environment.text_attribute("mpi"), "some MPI");
}

TEST(Provenance, NamesTheSlurmJob) {
  RunRecord run;
  ::setenv("SLURM_JOB_ID", "4711", 1);
  fill_provenance(run);
  ::unsetenv("SLURM_JOB_ID");
  EXPECT_EQ(run.environment.text_attribute("slurm_job"), "4711");
}

}  // namespace
}  // namespace canopy::record
