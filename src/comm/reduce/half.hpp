#pragma once

#include <cstddef>
#include <cstdint>

namespace canopy::comm {

/// IEEE 754 binary16, rounded to nearest, ties to even; beyond 65,504 infinite; NaN stays NaN.
/// The processor's instructions (F16C) where the build has them, else the portable code: the same
/// bits but for a NaN's payload.
void to_half(float const* from, std::uint16_t* to, std::size_t size);
void from_half(std::uint16_t const* from, float* to, std::size_t size);

/// What runs without F16C.
std::uint16_t portable_half(float number);
float portable_float(std::uint16_t half);

}  // namespace canopy::comm
