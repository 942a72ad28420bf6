#pragma once

#include <span>
#include <string>
#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/record/run_record.hpp"

/// How the time of a run depends on the machines it had, from the files of runs that differ in
/// nothing else.
namespace canopy::report {

/// One run of a scaling study.
struct ScalingPoint {
  double size = 1;     ///< what it had of what the study varies, such as machines
  double seconds = 0;  ///< it took
};

/// A law of how the time depends on the size, fitted to points of a study.
struct ScalingFit {
  std::string law;       ///< amdahl: seconds = one (serial + (1 - serial) / size); usl and
                         ///< gustafson: see below
  double one = 0;        ///< seconds at size 1
  double serial = 0;     ///< Amdahl's and Gustafson's serial fraction; the USL's contention sigma
  double coherence = 0;  ///< the USL's kappa; 0 by the others
  double error = 0;      ///< root mean square of relative errors of the points

  double seconds_at(double size) const;
};

/// Amdahl 1967, by least squares of relative errors; 0 <= serial <= 1. Points of two sizes at
/// least.
ScalingFit fit_amdahl(std::span<ScalingPoint const> points);
/// Gunther 1993, "A simple capacity model of massively parallel transaction systems" (the universal
/// scalability law): speed-up(p) = p / (1 + sigma (p - 1) + kappa p (p - 1)), sigma and kappa at
/// least 0, by least squares of relative errors. Points of three sizes at least.
ScalingFit fit_usl(std::span<ScalingPoint const> points);
/// Gustafson 1988, "Reevaluating Amdahl's law": speed-up(p) = p - serial (p - 1), so serial is the
/// share of the time with p, not with 1; 0 <= serial <= 1, by least squares of the speed's relative
/// errors. Points of two sizes at least.
ScalingFit fit_gustafson(std::span<ScalingPoint const> points);

/// Karp and Flatt 1990: the serial fraction that a speed-up shows, (1/s - 1/p) / (1 - 1/p); NaN at
/// size 1.
double karp_flatt(double speed_up, double size);

/// What a study varies.
enum class Scale { nodes, np, workers };
/// strong: the same work for all sizes, speed-up is T(1) / T(p). weak: work grows with the size,
/// efficiency is T(1) / T(p) and speed-up, which is called scaled, p T(1) / T(p).
enum class Growth { strong, weak };

/// /scaling: run, command, np, nodes, size, repeat, wall_seconds, PHASE_seconds..., busy, idle,
/// comm (shares of the time of all ranks), speed_up, efficiency, karp_flatt, load,
/// throttled_seconds, result (hash of what the run found), sorted by size and repeat. Size is in
/// what `scale` says; T(1) is the median of the smallest size, which counts as ideal up to itself.
/// Messages call the runs by their `files`, the table by `names`, or by the files if there are
/// none. DataError when one is of a command that does no work to compare. UserError when runs are
/// of different commands, were not completed, or differ in settings: by weak growth in others than
/// numbers that grow as the size does and data of another name, or in none. One that found
/// something else is told by its result.
Table scaling_table(std::vector<record::RunRecord> const& runs,
                    std::vector<std::string> const& files, Scale scale, Growth growth,
                    std::vector<std::string> const& names = {});

/// /fit: law, one_seconds, serial, coherence, relative_error; of a table as above. Laws that need
/// more sizes than there are, are left out. Of weak growth they are about the seconds of one size's
/// work, T(p) / p; Gustafson's law is for it alone.
Table fits_table(Table const& scaling, Growth growth);

/// Did all runs find the same that should: all of the same size, by strong growth all of them?
bool results_agree(Table const& scaling, Growth growth);

/// What a run found, whatever the time it took: SHA-256 of its model and its scores.
std::string result_of(record::RunRecord const& run);

}  // namespace canopy::report
