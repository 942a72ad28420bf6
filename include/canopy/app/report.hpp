#pragma once

#include <span>
#include <string>

namespace canopy::app {

/// `canopy report RUN.h5... --out FILE.html`: writes one page about the runs. The exit status; 4
/// when some of the files could not be read and the page is about the others. Throws UserError for
/// a usage it does not understand, DataError when no file could be read.
int run_report(std::span<std::string const> words);

}  // namespace canopy::app
