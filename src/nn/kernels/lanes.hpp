#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

/// The widest vectors of the processor that the code is built for, for float and double.
///
/// Multiply-adds are fused here and only here (the build forbids the compiler to fuse by itself),
/// so that each number goes through the same roundings in every kernel, whatever tile it is in.
namespace canopy::nn {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

/// How many accumulators a tile may hold: what the registers leave beside operands.
inline constexpr bool many_registers = vector_bytes == 64;

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(vector_bytes)));
};
template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
inline constexpr int width = vector_bytes / static_cast<int>(sizeof(T));

/// Samples stand in blocks of 16: one vector of floats with AVX-512, two with AVX2.
inline constexpr int block = 16;
template <class T>
inline constexpr int vectors_per_block = block / width<T>;

template <class T>
[[gnu::always_inline]] inline Vector<T> load(T const* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class T>
[[gnu::always_inline]] inline void store(T* to, Vector<T> v) {
  std::memcpy(to, &v, sizeof v);
}

template <class T>
[[gnu::always_inline]] inline Vector<T> broadcast(T value) {
  return value - Vector<T>{};  // x - 0 is x, -0 too
}

[[gnu::always_inline]] inline Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

[[gnu::always_inline]] inline Vector<double> fma(Vector<double> a, Vector<double> b,
                                                 Vector<double> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_pd(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_pd(a, b, c);
#else
  return a * b + c;
#endif
}

/// The sum of the lanes, halves added to halves: the same order always.
template <class T>
[[gnu::always_inline]] inline T sum_of_lanes(Vector<T> v) {
  T lane[width<T>];
  std::memcpy(lane, &v, sizeof v);
  for (int half = width<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
}

}  // namespace canopy::nn
