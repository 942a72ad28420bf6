#pragma once

#include <span>
#include <string>

#include "canopy/comm/communicator.hpp"

namespace canopy::app {

/// `canopy predict --model RUN.h5 --data X --out pred.csv`: rows are dealt to all ranks.
int run_predict(comm::Communicator const& comm, std::span<std::string const> words);

}  // namespace canopy::app
