// Line integrals through the example CT, on the graphics card: the sum of diffpose_nb.render, with WebGL2.
// The Radon blend of vtk.js is such a sum, too. It brings 0.9 MB of scripts, passes voxels and sum through tables of
// colours, begins each ray at random, and knows no image that is seen from the detector's side; this is exact in 5 kB.
globalThis.diffposeCArm ??= {};
diffposeCArm.renderer ??= (() => {
  const STEP = 1.5; // mm between samples on the axis, as diffpose_nb.render.STEP
  const CORNERS = "#version 300 es\nvoid main() {\n" +
    "  gl_Position = vec4(gl_VertexID == 1 ? 3. : -1., gl_VertexID == 2 ? 3. : -1., 0, 1);\n}";
  // Every pixel's ray runs from the source to the pixel and no further. It is clipped to the centres of the outermost
  // voxels, which are a border of zeros. Neighbours begin at other fractions of a step, so that their errors look like
  // noise. A number is written as the four bytes that it has in memory, since not every phone can draw into floats.
  const MARCH = `#version 300 es
    precision highp float;
    precision highp int;
    precision highp sampler3D;
    uniform sampler3D ct;
    uniform vec3 size, source, across, down, corner;
    uniform vec3 mm;
    uniform float fraction;
    uniform int columns;
    out vec4 bytes;
    void main() {
      vec2 pixel = floor(gl_FragCoord.xy);
      vec3 run = corner + pixel.x * across + pixel.y * down;
      run += vec3(equal(run, vec3(0))) * 1e-6;
      vec3 one = -source / run, other = (size - 1. - source) / run, near = min(one, other), far = max(one, other);
      float first = max(max(near.x, near.y), max(near.z, 0.)), last = min(min(far.x, far.y), min(far.z, 1.));
      uint number = uint(pixel.y) * uint(columns) + uint(pixel.x);
      float offset = float((number * 2654435769u + 2147483648u) >> 8) / 16777216.;
      float sum = 0., leaves = floor(last / fraction - offset);
      for (float k = ceil(first / fraction - offset); k <= leaves; k++) {
        vec3 voxel = source + (k + offset) * fraction * run;
        sum += texture(ct, (voxel + 0.5) / size).r;
      }
      uint bits = floatBitsToUint(sum * fraction * length(run * mm));
      bytes = vec4(uvec4(bits, bits >> 8, bits >> 16, bits >> 24) & 255u) / 255.;
    }`;

  const build = (canvas, ct) => {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, stencil: false });
    if (!gl) return null;
    const program = gl.createProgram();
    for (const [kind, text] of [
        [gl.VERTEX_SHADER, CORNERS],
        [gl.FRAGMENT_SHADER, MARCH]
      ]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
    gl.useProgram(program);
    gl.disable(gl.DITHER);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.bindTexture(gl.TEXTURE_3D, gl.createTexture());
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8, ...ct.size, 0, gl.RED, gl.UNSIGNED_BYTE, ct.values);
    for (const [name, value] of [
        ["MIN_FILTER", gl.LINEAR],
        ["MAG_FILTER", gl.LINEAR],
        ["WRAP_S", gl.CLAMP_TO_EDGE],
        ["WRAP_T", gl.CLAMP_TO_EDGE],
        ["WRAP_R", gl.CLAMP_TO_EDGE]
      ]) gl.texParameteri(gl.TEXTURE_3D, gl["TEXTURE_" + name], value);
    const target = gl.createTexture();
    const at = (name) => gl.getUniformLocation(program, name);
    return { gl, target, at, rows: 0 };
  };

  // Makes render(pose, sid, field, pixels) → Float32Array of line integrals, row by row; null where it cannot be done.
  return (ct) => {
    const canvas = document.createElement("canvas");
    let made = build(canvas, ct);
    if (!made) return null;
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => { made = build(canvas, ct); });
    // Voxels of this CT run along the world's axes.
    const toVoxels = (v) => v.map((mm, k) => mm / ct.spacing[k]);
    return ({ u, v, d, source }, sid, field, pixels) => {
      const { gl, at, target } = made, { plus } = diffposeCArm.geometry, spacing = field / pixels;
      if (gl.isContextLost()) return null;
      if (made.rows !== pixels) {
        made.rows = pixels;
        gl.bindTexture(gl.TEXTURE_2D, target);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, pixels, pixels, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
        gl.bindFramebuffer(gl.FRAMEBUFFER, made.frame ??= gl.createFramebuffer());
        gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, target, 0);
        gl.viewport(0, 0, pixels, pixels);
      }
      const middle = -spacing * (pixels - 1) / 2;
      const corner = plus(plus(d.map((x) => sid * x), u, middle), v, middle);
      gl.uniform3fv(at("size"), ct.size);
      gl.uniform3fv(at("source"), toVoxels(plus(source, ct.origin, -1)));
      gl.uniform3fv(at("corner"), toVoxels(corner));
      gl.uniform3fv(at("across"), toVoxels(u.map((x) => spacing * x)));
      gl.uniform3fv(at("down"), toVoxels(v.map((x) => spacing * x)));
      gl.uniform3fv(at("mm"), ct.spacing.map(Math.abs));
      gl.uniform1f(at("fraction"), STEP / sid);
      gl.uniform1i(at("columns"), pixels);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
      const bytes = new Uint8Array(4 * pixels * pixels);
      gl.readPixels(0, 0, pixels, pixels, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
      // A texture's value 1 stands for the largest byte, 255.
      return new Float32Array(bytes.buffer).map((sum) => 255 * ct.unit * sum);
    };
  };
})();

// What book/make_carm.py has made arrives in files of their own, one copy for all pages; scripts, since a page that is
// opened from the disk may not fetch. Each is asked for once: load("ct") → what it holds, decoded.
diffposeCArm.files ??= {};
diffposeCArm.load ??= (name) => diffposeCArm.files[name] ??= new Promise((resolve, reject) => {
  diffposeCArm.arrived ??= {};
  diffposeCArm.arrived[name] = resolve;
  const tag = document.createElement("script");
  tag.src = (document.documentElement.dataset.content_root ?? "../") + "_static/carm/" + name + ".js";
  tag.onerror = () => reject(new Error(tag.src + " is missing"));
  document.head.append(tag);
});
diffposeCArm.inflate ??= async (base64) => {
  const packed = new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]);
  const stream = packed.stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};
// The CT's bytes are differences to the slice below. The border of zeros is added here.
diffposeCArm.unpack ??= async ({ shape, spacing, first, unit, packed }) => {
  const bytes = await diffposeCArm.inflate(packed),
    [columns, rows, slices] = shape,
    slice = columns * rows;
  for (let n = slice; n < bytes.length; n++) bytes[n] += bytes[n - slice];
  const size = shape.map((n) => n + 2),
    values = new Uint8Array(size[0] * size[1] * size[2]);
  for (let k = 0; k < slices; k++)
    for (let j = 0; j < rows; j++) {
      const from = (k * rows + j) * columns;
      values.set(bytes.subarray(from, from + columns), ((k + 1) * size[1] + j + 1) * size[0] + 1);
    }
  return { size, values, spacing, unit, origin: first.map((mm, k) => mm - spacing[k]) };
};
// The renderer of the page, which all its elements share.
diffposeCArm.shared ??= () => diffposeCArm.once ??= diffposeCArm.load("ct").then(diffposeCArm.unpack)
  .then(diffposeCArm.renderer);
