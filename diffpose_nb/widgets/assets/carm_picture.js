// From line integrals to what is shown: greys, and the overlay of diffpose_nb.plots, orange over blue.
globalThis.diffposeCArm ??= {};
diffposeCArm.picture ??= (() => {
  // Black and white are quantiles, as in plots.picture; every seventh pixel is enough to find them.
  const window = (values) => {
    const some = new Float32Array(Math.ceil(values.length / 7));
    for (let n = 0; n < some.length; n++) some[n] = values[7 * n];
    some.sort();
    const at = (share) => some[Math.round(share * (some.length - 1))];
    return [at(0.005), Math.max(at(0.995), at(0.005) + 1e-9)];
  };

  // Three means over boxes, one after the other, are nearly a Gaussian.
  const blur = (image, side, sigma) => {
    const half = Math.max(Math.round((Math.sqrt(4 * sigma * sigma + 1) - 1) / 2), 1);
    let from = Float32Array.from(image),
      to = new Float32Array(from.length);
    const along = (stride, line) => {
      for (let n = 0; n < side; n++) {
        let sum = 0;
        for (let k = -half; k < side; k++) {
          if (k + half < side) sum += from[n * line + (k + half) * stride];
          if (k - half > 0) sum -= from[n * line + (k - half - 1) * stride];
          if (k >= 0) to[n * line + k * stride] = sum / (2 * half + 1);
        }
      }
      [from, to] = [to, from];
    };
    for (let pass = 0; pass < 3; pass++) {
      along(1, side);
      along(side, 1);
    }
    return from;
  };

  // Local contrast where something is seen, 0 to 255, as in plots.overlay; weights of the blur are made once.
  const contrast = (values, seen) => {
    const { mask, side } = seen, sigma = 0.05 * side;
    seen.near ??= blur(mask, side, sigma);
    seen.wide ??= blur(mask, side, 2 * sigma);
    const smooth = blur(values.map((v, n) => v * mask[n]), side, sigma);
    const detail = values.map((v, n) => mask[n] * (v - smooth[n] / Math.max(seen.near[n], 1e-6)));
    const square = blur(detail.map((v) => v * v), side, 2 * sigma);
    return detail.map((v, n) => {
      const deviation = Math.sqrt(Math.max(square[n], 0) / Math.max(seen.wide[n], 1e-6));
      return 255 * Math.min(Math.max(0.5 + v / (5 * deviation + 1e-12), 0), 1);
    });
  };

  // fill writes the four bytes of every pixel; those beyond 0 and 255 are clamped.
  const paint = (canvas, side, fill) => {
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d"),
      image = context.createImageData(side, side);
    fill(image.data.fill(255));
    context.putImageData(image, 0, 0);
  };

  const greys = (canvas, values) => {
    const [low, high] = window(values), scale = 255 / (high - low);
    paint(canvas, Math.sqrt(values.length), (bytes) => {
      for (let n = 0, to = 0; n < values.length; n++, to += 4) {
        bytes[to] = bytes[to + 1] = bytes[to + 2] = scale * (values[n] - low);
      }
    });
  };

  // xray: its local contrast from 1 to 255, 0 where nothing is seen. Half of its pixels a side serve while it moves.
  const scaled = (xray, side) => {
    const values = new Float32Array(side * side),
      times = Math.sqrt(xray.length) / side,
      full = side * times;
    for (let n = 0; n < values.length; n++) {
      const first = times * (Math.floor(n / side) * full + (n % side));
      const block = Array.from({ length: times * times }, (_, k) => xray[first + Math.floor(k / times) * full +
        k % times]);
      values[n] = Math.min(...block) && block.reduce((sum, v) => sum + v, 0) / block.length;
    }
    return { values, side, mask: values.map((v) => +(v > 0)) };
  };
  const overlay = (canvas, values, seen, shows) => {
    const { values: blue, mask, side } = seen;
    const orange = shows === "X-ray" ? blue : contrast(values, seen);
    const other = shows === "DRR" ? orange : blue;
    paint(canvas, side, (bytes) => {
      for (let n = 0, to = 0; n < mask.length; n++, to += 4) {
        bytes[to] = mask[n] * orange[n];
        bytes[to + 1] = (mask[n] * (orange[n] + other[n])) / 2;
        bytes[to + 2] = mask[n] * other[n];
      }
    });
  };
  return { greys, overlay, scaled };
})();
