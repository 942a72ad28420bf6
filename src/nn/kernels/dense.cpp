#include "kernels/dense.hpp"

#include <algorithm>
#include <cstddef>

#include "kernels/tiles.hpp"
#include "kernels/transpose.hpp"

namespace canopy::nn::dense {
namespace {

/// Inputs per pass over the outputs: a block of x of this height stays in the first cache.
constexpr int inputs_at_once = 256;

/// Blocks of samples side by side in a tile.
template <class T>
constexpr int most_places = std::max(1, (many_registers ? 3 : 1) / vectors_per_block<T>);

/// Outputs of a tile: as many as registers allow. Beyond 16 nothing is gained.
template <class T, int PB>
constexpr int most_outputs = std::clamp(accumulators / (PB * vectors_per_block<T>), 1, 16);

/// Starts of the PB blocks from `first` on in an activation of `features` features.
template <int PB, class T>
void places(T* (&starts)[PB], T* all, int first, int features) {
  for (int p = 0; p < PB; ++p) starts[p] = all + std::ptrdiff_t{first + p} * features * block;
}

template <class T, int OB, int PB>
[[gnu::noinline]] void forward_tile(Sizes s, int first_block, int from, int to, int output,
                                    T const* weights, T const* bias, T const* x, T* y, bool relu) {
  T const* xs[PB];
  T* ys[PB];
  places(xs, x + std::ptrdiff_t{from} * block, first_block, s.in);
  places(ys, y + std::ptrdiff_t{output} * block, first_block, s.out);
  Tile<T, OB, PB> tile;
  if (from == 0)
    tile.start(bias + output);
  else
    tile.resume(ys, block);
  tile.accumulate(0, to - from, EvenTaps{},
                  ByInput<T>{weights + std::ptrdiff_t{from} * s.out + output, s.out}, xs);
  if (relu && to == s.in) tile.relu();
  tile.write(ys, block);
}

template <class T, int OB, int PB>
[[gnu::noinline]] void input_tile(Sizes s, int first_block, int input, T const* weights,
                                  T const* dy, T* dx) {
  T const* dys[PB];
  T* dxs[PB];
  places(dys, dy, first_block, s.out);
  places(dxs, dx + std::ptrdiff_t{input} * block, first_block, s.in);
  Tile<T, OB, PB> tile;
  tile.start(nullptr);
  tile.accumulate(0, s.out, EvenTaps{}, ByOutput<T>{weights + std::ptrdiff_t{input} * s.out, s.out},
                  dys);
  tile.write(dxs, block);
}

int padded(int out) {
  return (out + block - 1) / block * block;
}

/// [out][16] of every block -> [row][padded out]; what pads is zero.
template <class T>
void transpose_gradient(Sizes s, T const* dy, T* to) {
  constexpr int n = width<T>;
  auto const ld = padded(s.out);
  for (int b = 0; b < s.blocks; ++b)
    for (int half = 0; half < block; half += n)
      for (int o = 0; o < ld; o += n) {
        Vector<T> rows[n];
        for (int i = 0; i < n; ++i)
          rows[i] = o + i < s.out ? load(dy + (std::ptrdiff_t{b} * s.out + o + i) * block + half)
                                  : Vector<T>{};
        transpose<T>(rows);
        for (int i = 0; i < n; ++i)
          store(to + (std::ptrdiff_t{b} * block + half + i) * ld + o, rows[i]);
      }
}

template <class T>
[[gnu::always_inline]] inline void put(T* to, Vector<T> value, int count, bool add) {
  if (count >= width<T>) {
    store(to, add ? load(to) + value : value);
  } else {
    for (int i = 0; i < count; ++i) to[i] = add ? to[i] + value[i] : value[i];
  }
}

/// Rows input .. input+IB-1 of dw, columns from `output` on in JB vectors.
template <class T, int IB, int JB>
[[gnu::noinline]] void weight_tile(Sizes s, int rows, int input, int output, T const* x,
                                   T const* dy_rows, T* dw, bool add) {
  auto const ld = padded(s.out);
  Vector<T> sum[IB][JB]{};
  for (int b = 0; b * block < rows; ++b) {
    auto const* xb = x + (std::ptrdiff_t{b} * s.in + input) * block;
    auto const* dyb = dy_rows + std::ptrdiff_t{b} * block * ld + output;
    auto const here = std::min(block, rows - b * block);
    for (int n = 0; n < here; ++n) {
      Vector<T> values[JB];
#pragma GCC unroll 8
      for (int j = 0; j < JB; ++j) values[j] = load(dyb + n * ld + j * width<T>);
#pragma GCC unroll 24
      for (int i = 0; i < IB; ++i) {
        auto const value = broadcast(xb[i * block + n]);
#pragma GCC unroll 8
        for (int j = 0; j < JB; ++j) sum[i][j] = fma(value, values[j], sum[i][j]);
      }
    }
  }
#pragma GCC unroll 24
  for (int i = 0; i < IB; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < JB; ++j)
      put(dw + std::ptrdiff_t{input + i} * s.out + output + j * width<T>, sum[i][j],
          s.out - output - j * width<T>, add);
}

template <class T>
void bias_gradient(Sizes s, int rows, T const* dy_rows, T* db, bool add) {
  auto const ld = padded(s.out);
  for (int o = 0; o < s.out; o += width<T>) {
    Vector<T> sum{};
    for (int n = 0; n < rows; ++n) sum += load(dy_rows + std::ptrdiff_t{n} * ld + o);
    put(db + o, sum, s.out - o, add);
  }
}

}  // namespace

template <class T>
void forward(Sizes s, T const* weights, T const* bias, T const* x, T* y, bool relu, Look& look) {
  for (int from = 0; from < s.in; from += inputs_at_once) {
    auto const to = std::min(s.in, from + inputs_at_once);
    in_pieces(s.blocks, most_places<T>, [&](int first_block, int blocks) {
      with_size<most_places<T>>(blocks, [&]<int PB>() {
        in_pieces(s.out, most_outputs<T, PB>, [&](int output, int outputs) {
          with_size<most_outputs<T, PB>>(outputs, [&]<int OB>() {
            forward_tile<T, OB, PB>(s, first_block, from, to, output, weights, bias, x, y, relu);
            look.after(1.0 * block * PB * OB * (to - from));
          });
        });
      });
    });
  }
}

template <class T>
void backward_input(Sizes s, T const* weights, T const* dy, T* dx, Look& look) {
  in_pieces(s.in, inputs_at_once, [&](int begin, int inputs) {
    in_pieces(s.blocks, most_places<T>, [&](int first_block, int blocks) {
      with_size<most_places<T>>(blocks, [&]<int PB>() {
        constexpr int most = std::min(12, most_outputs<T, PB>);
        in_pieces(inputs, most, [&](int input, int size) {
          with_size<most>(size, [&]<int OB>() {
            input_tile<T, OB, PB>(s, first_block, begin + input, weights, dy, dx);
            look.after(1.0 * block * PB * OB * s.out);
          });
        });
      });
    });
  });
}

std::size_t scratch_size(Sizes s) {
  return static_cast<std::size_t>(s.blocks) * block * static_cast<std::size_t>(padded(s.out));
}

template <class T>
void backward_parameters(Sizes s, int rows, T const* x, T const* dy, T* dw, T* db, bool add,
                         T* scratch, Look& look) {
  transpose_gradient(s, dy, scratch);
  constexpr int most_vectors = many_registers ? 4 : 2;
  auto const vectors = (s.out + width<T> - 1) / width<T>;
  constexpr int most_inputs = accumulators / most_vectors;
  in_pieces(s.in, most_inputs, [&](int input, int inputs) {
    in_pieces(vectors, most_vectors, [&](int vector, int count) {
      with_size<most_vectors>(count, [&]<int JB>() {
        with_size<most_inputs>(inputs, [&]<int IB>() {
          weight_tile<T, IB, JB>(s, rows, input, vector * width<T>, x, scratch, dw, add);
          look.after(1.0 * rows * IB * JB * width<T>);
        });
      });
    });
  });
  bias_gradient(s, rows, scratch, db, add);
}

#define CANOPY_DENSE(T)                                                           \
  template void forward<T>(Sizes, T const*, T const*, T const*, T*, bool, Look&); \
  template void backward_input<T>(Sizes, T const*, T const*, T*, Look&);          \
  template void backward_parameters<T>(Sizes, int, T const*, T const*, T*, T*, bool, T*, Look&);
CANOPY_DENSE(float)
CANOPY_DENSE(double)
#undef CANOPY_DENSE

}  // namespace canopy::nn::dense
