#pragma once

#include <span>
#include <string>

namespace canopy::app {

/// `canopy data describe|convert|synth`: tells what a data set holds, or writes it (or a generated
/// one) in Canopy's HDF5 form. Returns the exit status. Throws DataError for data that cannot be
/// read, UserError for wrong options or a file that is there already without --overwrite.
int run_data(std::span<std::string const> words);

}  // namespace canopy::app
