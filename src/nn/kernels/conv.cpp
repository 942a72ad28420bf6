#include "kernels/conv.hpp"

#include <algorithm>

#include "kernels/tiles.hpp"

namespace canopy::nn::conv {
namespace {

/// Pixels side by side in a tile.
template <class T>
constexpr int most_pixels = std::max(1, (many_registers ? 4 : 1) / vectors_per_block<T>);
template <class T, int PB>
constexpr int most_channels = std::clamp(accumulators / (PB * vectors_per_block<T>), 1, 8);
/// 3 x 8 accumulators take fewer loads than 4 x 6; windows of 2 x 2 want 4.
template <class T>
constexpr int row_pixels = std::max(1, (many_registers ? 3 : 1) / vectors_per_block<T>);

template <class T, int OB, int PB>
[[gnu::noinline]] void tile(int from, int to, std::int32_t const* table, T const* weights,
                            int weights_stride, T const* bias, T const* const* x, T* const* y,
                            std::ptrdiff_t y_stride, bool relu) {
  Tile<T, OB, PB> tile;
  tile.start(bias);
  tile.accumulate(from, to, TableTaps{table}, ByInput<T>{weights, weights_stride}, x);
  if (relu) tile.relu();
  tile.write(y, y_stride);
}

/// All `channels` outputs of PB pixels: from x[p] to y[p] + channel * y_stride.
template <int PB, class T>
void pixels(int channels, int from, int to, std::int32_t const* table, T const* weights,
            T const* bias, T const* const* x, T* const* y, std::ptrdiff_t y_stride, bool relu) {
  in_pieces(channels, most_channels<T, PB>, [&](int first, int count) {
    T* ys[PB];
    for (int p = 0; p < PB; ++p) ys[p] = y[p] + first * y_stride;
    with_size<most_channels<T, PB>>(count, [&]<int OB>() {
      tile<T, OB, PB>(from, to, table, weights + first, channels, bias ? bias + first : nullptr, x,
                      ys, y_stride, relu);
    });
  });
}

/// A row of `width` pixels, `x_step` numbers apart in the input.
template <class T>
void row(int width, int channels, int from, int to, std::int32_t const* table, T const* weights,
         T const* bias, T const* x, std::ptrdiff_t x_step, T* y, std::ptrdiff_t y_stride,
         bool relu) {
  in_pieces(width, row_pixels<T>, [&](int first, int count) {
    with_size<row_pixels<T>>(count, [&]<int PB>() {
      T const* xs[PB];
      T* ys[PB];
      for (int p = 0; p < PB; ++p) {
        xs[p] = x + (first + p) * x_step;
        ys[p] = y + std::ptrdiff_t{first + p} * block;
      }
      pixels<PB>(channels, from, to, table, weights, bias, xs, ys, y_stride, relu);
    });
  });
}

template <class T>
using Whole = Vector<std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>>;

/// Stores the lanes, numbers below 256, as bytes.
template <class T>
void store_bytes(std::uint8_t* to, Whole<T> numbers) {
  for (int i = 0; i < width<T>; ++i) to[i] = static_cast<std::uint8_t>(numbers[i]);
}
template <class T>
Whole<T> load_bytes(std::uint8_t const* from) {
  Whole<T> numbers;
  for (int i = 0; i < width<T>; ++i) numbers[i] = from[i];
  return numbers;
}

/// The largest of `window` values that stand one after the other, and which it is.
template <class T>
[[gnu::always_inline]] inline void largest(T const* values, int window, T* y, std::uint8_t* which,
                                           bool relu) {
  for (int part = 0; part < block; part += width<T>) {
    auto best = load(values + part);
    Whole<T> place{};
    for (int j = 1; j < window; ++j) {
      auto const value = load(values + j * block + part);
      auto const more = value > best;
      best = more ? value : best;
      place = more ? place - place + j : place;
    }
    store(y + part, relu ? (best < T{0} ? Vector<T>{} : best) : best);
    store_bytes<T>(which + part, place);
  }
}

/// One pixel of the pooled output, all channels: the window's pixels go through a small buffer.
template <class T>
void pooled_pixel(Sizes s, Taps const& taps, T const* weights, T const* bias, T const* x, T* y,
                  std::ptrdiff_t y_stride, std::uint8_t* which, bool relu) {
  constexpr int most_window = 16;
  constexpr int channels_at_once = most_channels<T, most_pixels<T>>;
  alignas(64) T values[channels_at_once * most_window * block];
  auto const window = s.pool * s.pool;
  auto const step = std::ptrdiff_t{s.stride} * block;
  auto const pitch = step * s.padded_width();
  in_pieces(s.out_channels, channels_at_once, [&](int first, int count) {
    in_pieces(window, most_pixels<T>, [&](int begin, int size) {
      with_size<most_pixels<T>>(size, [&]<int PB>() {
        T const* xs[PB];
        T* ys[PB];
        for (int p = 0; p < PB; ++p) {
          xs[p] = x + (begin + p) / s.pool * pitch + (begin + p) % s.pool * step;
          ys[p] = values + (begin + p) * block;
        }
        with_size<channels_at_once>(count, [&]<int OB>() {
          tile<T, OB, PB>(0, s.taps(), taps.forward.data(), weights + first, s.out_channels,
                          bias + first, xs, ys, std::ptrdiff_t{window} * block, false);
        });
      });
    });
    for (int o = 0; o < count; ++o)
      largest(values + o * window * block, window, y + (first + o) * y_stride,
              which + (first + o) * y_stride, relu);
  });
}

template <class T>
[[gnu::always_inline]] inline Vector<T> where_positive(Vector<T> y, Vector<T> d) {
  return y > T{0} ? d : Vector<T>{};
}

/// Sums of products over all pixels and blocks: KB taps x OB channels.
template <class T, int KB, int OB>
[[gnu::noinline]] void weight_tile(Sizes s, int blocks, Blocks<T> padded, std::int32_t const* taps,
                                   Blocks<T> spread, T* dw, bool add) {
  Vector<T> sum[KB][OB]{};
  auto const step = std::ptrdiff_t{s.stride} * block;
  auto const x_pitch = step * s.padded_width();
  auto const d_pitch = step * s.spread_width();
  auto const plane = std::ptrdiff_t{s.spread_height()} * s.spread_width() * block;
  for (int b = 0; b < blocks; ++b) {
    for (int row = 0; row < s.out_height() * s.pool; ++row) {
      auto const* x = padded.at(b) + row * x_pitch;
      auto const* d = spread.at(b) + row * d_pitch;
      for (int column = 0; column < s.out_width() * s.pool; ++column, x += step, d += step)
#pragma GCC unroll 4
        for (int part = 0; part < block; part += width<T>) {
          Vector<T> ds[OB];
#pragma GCC unroll 8
          for (int o = 0; o < OB; ++o) ds[o] = load(d + o * plane + part);
#pragma GCC unroll 16
          for (int k = 0; k < KB; ++k) {
            auto const value = load(x + taps[k] + part);
#pragma GCC unroll 8
            for (int o = 0; o < OB; ++o) sum[k][o] = fma(value, ds[o], sum[k][o]);
          }
        }
    }
  }
#pragma GCC unroll 16
  for (int k = 0; k < KB; ++k)
#pragma GCC unroll 8
    for (int o = 0; o < OB; ++o) {
      auto const total = sum_of_lanes<T>(sum[k][o]);
      auto& to = dw[k * s.out_channels + o];
      to = add ? to + total : total;
    }
}

template <class T>
void bias_gradient(Sizes s, int blocks, Blocks<T> spread, T* db, bool add) {
  auto const plane = static_cast<std::ptrdiff_t>(s.spread_size()) / s.out_channels;
  for (int o = 0; o < s.out_channels; ++o) {
    Vector<T> sum[4]{};
    for (int b = 0; b < blocks; ++b) {
      auto const* d = spread.at(b) + o * plane;
      for (std::ptrdiff_t i = 0; i < plane; i += width<T>) sum[i / width<T> % 4] += load(d + i);
    }
    auto const total = sum_of_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3]));
    db[o] = add ? db[o] + total : total;
  }
}

/// Of one row of the output, before pooling: of `pool` rows.
double products_of_row(Sizes s) {
  return 1.0 * block * s.taps() * s.out_channels * s.conv_width() * s.pool;
}

}  // namespace

Taps::Taps(Sizes s) {
  for (int c = 0; c < s.in_channels; ++c)
    for (int row = 0; row < s.kernel; ++row)
      for (int column = 0; column < s.kernel; ++column)
        forward.push_back(((c * s.padded_height() + row) * s.padded_width() + column) * block);
  for (int row = 0; row < s.kernel; ++row)
    for (int o = 0; o < s.out_channels; ++o)
      for (int column = 0; column < s.kernel; ++column)
        back.push_back(((o * s.spread_height() + row) * s.spread_width() + column) * block);
}

template <class T>
void pad(Sizes s, T const* x, T* padded) {
  auto const length = std::ptrdiff_t{s.in_width} * block;
  for (int c = 0; c < s.in_channels; ++c)
    for (int row = 0; row < s.in_height; ++row, x += length)
      std::copy_n(
          x, length,
          padded + ((std::ptrdiff_t{c} * s.padded_height() + row + s.padding) * s.padded_width() +
                    s.padding) *
                       block);
}

template <class T>
void forward(Sizes s, Taps const& taps, T const* weights, T const* bias, T const* x, T* y,
             std::uint8_t* which, bool relu, Look& look) {
  auto const step = std::ptrdiff_t{s.stride} * block * s.pool;
  auto const y_stride = std::ptrdiff_t{s.out_height()} * s.out_width() * block;
  for (int r = 0; r < s.out_height(); ++r) {
    look.after(products_of_row(s));
    auto const* from = x + r * step * s.padded_width();
    auto const at = std::ptrdiff_t{r} * s.out_width() * block;
    if (s.pool == 1) {
      row(s.out_width(), s.out_channels, 0, s.taps(), taps.forward.data(), weights, bias, from,
          step, y + at, y_stride, relu);
      continue;
    }
    for (int column = 0; column < s.out_width(); ++column)
      pooled_pixel(s, taps, weights, bias, from + column * step, y + at + column * block, y_stride,
                   which + at + column * block, relu);
  }
}

template <class T>
void spread_gradient(Sizes s, T const* y, T const* dy, std::uint8_t const* which, bool relu,
                     T* spread) {
  auto const step = std::ptrdiff_t{s.stride} * block;
  auto const pitch = std::ptrdiff_t{s.spread_width()} * block;
  auto const origin = s.spread_origin() * (pitch + block);
  for (int o = 0; o < s.out_channels; ++o)
    for (int r = 0; r < s.out_height(); ++r) {
      auto* to =
          spread + (std::ptrdiff_t{o} * s.spread_height() + r * s.pool * s.stride) * pitch + origin;
      for (int c = 0; c < s.out_width(); ++c, to += s.pool * step, y += block, dy += block) {
        for (int part = 0; part < block; part += width<T>) {
          auto d = load(dy + part);
          if (relu) d = where_positive<T>(load(y + part), d);
          if (s.pool == 1) {
            store(to + part, d);
            continue;
          }
          auto const place = load_bytes<T>(which + part);
          for (int j = 0; j < s.pool * s.pool; ++j)
            store(to + j / s.pool * s.stride * pitch + j % s.pool * step + part,
                  place == j ? d : Vector<T>{});
        }
        if (s.pool > 1) which += block;
      }
    }
}

template <class T>
void turn_weights(Sizes s, T const* weights, T* turned) {
  auto const k = s.kernel;
  for (int c = 0; c < s.in_channels; ++c)
    for (int row = 0; row < k; ++row)
      for (int column = 0; column < k; ++column)
        for (int o = 0; o < s.out_channels; ++o)
          turned[(((k - 1 - row) * s.out_channels + o) * k + k - 1 - column) * s.in_channels + c] =
              *weights++;
}

template <class T>
void backward_input(Sizes s, Taps const& taps, T const* turned, T const* spread, T* dx,
                    Look& look) {
  auto const pitch = std::ptrdiff_t{s.spread_width()} * block;
  auto const per_row = s.out_channels * s.kernel;
  // Kernel rows that meet nothing but the zeros above or below the gradient are left out.
  auto const above = s.spread_origin();
  auto const below = above + s.stride * (s.conv_height() - 1) + 1;
  for (int r = 0; r < s.in_height; ++r) {
    auto const from = std::clamp(above - r, 0, s.kernel);
    auto const to = std::clamp(below - r, from, s.kernel);
    row<T>(s.in_width, s.in_channels, from * per_row, to * per_row, taps.back.data(), turned,
           nullptr, spread + r * pitch, block, dx + std::ptrdiff_t{r} * s.in_width * block,
           std::ptrdiff_t{s.in_height} * s.in_width * block, false);
    look.after(1.0 * block * s.in_width * s.in_channels * (to - from) * per_row);
  }
}

template <class T>
void backward_parameters(Sizes s, Taps const& taps, int blocks, Blocks<T> padded, Blocks<T> spread,
                         T* dw, T* db, bool add, Look& look) {
  constexpr int most_outputs = many_registers ? 3 : 2;
  constexpr int most_taps = many_registers ? 9 : 6;
  auto const plane = std::ptrdiff_t{s.spread_height()} * s.spread_width() * block;
  auto const* origin =
      spread.first + s.spread_origin() * (std::ptrdiff_t{s.spread_width()} + 1) * block;
  in_pieces(s.out_channels, most_outputs, [&](int output, int outputs) {
    with_size<most_outputs>(outputs, [&]<int OB>() {
      in_pieces(s.taps(), most_taps, [&](int k, int count) {
        with_size<most_taps>(count, [&]<int KB>() {
          weight_tile<T, KB, OB>(s, blocks, padded, taps.forward.data() + k,
                                 Blocks<T>{origin + output * plane, spread.pitch},
                                 dw + std::ptrdiff_t{k} * s.out_channels + output, add);
          look.after(1.0 * block * blocks * s.conv_height() * s.conv_width() * KB * OB);
        });
      });
    });
  });
  bias_gradient(s, blocks, spread, db, add);
}

#define CANOPY_CONV(T)                                                                          \
  template void pad<T>(Sizes, T const*, T*);                                                    \
  template void forward<T>(Sizes, Taps const&, T const*, T const*, T const*, T*, std::uint8_t*, \
                           bool, Look&);                                                        \
  template void spread_gradient<T>(Sizes, T const*, T const*, std::uint8_t const*, bool, T*);   \
  template void turn_weights<T>(Sizes, T const*, T*);                                           \
  template void backward_input<T>(Sizes, Taps const&, T const*, T const*, T*, Look&);           \
  template void backward_parameters<T>(Sizes, Taps const&, int, Blocks<T>, Blocks<T>, T*, T*,   \
                                       bool, Look&);
CANOPY_CONV(float)
CANOPY_CONV(double)
#undef CANOPY_CONV

}  // namespace canopy::nn::conv
