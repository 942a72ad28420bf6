#pragma once

#include "canopy/record/run_record.hpp"

namespace canopy::record {

/// Fills in what tells where a run comes from: version and git, and in the environment compiler,
/// flags, cpu, hostname and slurm_job (empty outside Slurm). Entries of other names stay.
void fill_provenance(RunRecord& run);

}  // namespace canopy::record
