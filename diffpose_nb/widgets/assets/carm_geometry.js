// The geometry of diffpose_nb.camera once more: from positioner angles to the rays of pixels. World axes are RAS, mm.
globalThis.diffposeCArm ??= {};
diffposeCArm.geometry ??= (() => {
  const rad = Math.PI / 180,
    NAMES = ["RL", "AP", "HF"]; // letters of the positive and the negative direction of each world axis
  const plus = (a, b, share = 1) => a.map((v, k) => v + share * b[k]);
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

  // Where the C-arm stands: u along the image's rows, v down its columns, d from the isocentre to the detector, and the
  // source. PS3.3 C.8.7.5.1.2, as in carm_pose; the turn about d comes last, positive from the camera's x to its y.
  const pose = (view) => {
    const a = view.primary * rad,
      b = view.secondary * rad,
      t = view.turn * rad;
    const level = [-Math.cos(a), -Math.sin(a), 0];
    const down = [-Math.sin(a) * Math.sin(b), Math.cos(a) * Math.sin(b), -Math.cos(b)];
    const d = [-Math.sin(a) * Math.cos(b), Math.cos(a) * Math.cos(b), Math.sin(b)];
    const u = level.map((v, k) => Math.cos(t) * v - Math.sin(t) * down[k]);
    const v = level.map((w, k) => Math.sin(t) * w + Math.cos(t) * down[k]);
    const isocentre = [-view.left, view.front, view.head];
    return { u, v, d, isocentre, source: plus(isocentre, d, -view.sod) };
  };

  // world_from_camera, row by row, of a mirrored camera: x is against the image's rows.
  const matrix = ({ u, v, d, source }) => [0, 1, 2].map((k) => [-u[k], v[k], d[k], source[k]]);

  // Mean distance of points as two cameras see them, as evaluate.mtre.
  const mtre = (estimate, truth, points) => {
    const seen = (m, p) => {
      const away = p.map((v, k) => v - m[k][3]);
      return [0, 1, 2].map((c) => m[0][c] * away[0] + m[1][c] * away[1] + m[2][c] * away[2]);
    };
    const apart = points.map((p) => Math.hypot(...plus(seen(estimate, p), seen(truth, p), -1)));
    return apart.reduce((sum, v) => sum + v, 0) / points.length;
  };

  // Anatomical letters of a direction, the largest part first, as plots.orientation.
  const letters = (direction) => direction
    .map((v, k) => [Math.abs(v), NAMES[k][v > 0 ? 0 : 1]])
    .filter(([size]) => size > 0.25)
    .sort(([a], [b]) => b - a)
    .map(([, letter]) => letter)
    .join("");

  // The words of widgets.View.
  const plain = (v, digits) => String(+Math.abs(v).toFixed(digits));
  const words = (view, digits = 0) =>
    (view.primary < 0 ? "RAO " : "LAO ") + plain(view.primary, digits) + "°, " +
    (view.secondary < 0 ? "CAU " : "CRA ") + plain(view.secondary, digits) + "°";
  const magnified = (view) => "SID " + plain(view.sid, 0) + " mm, SOD " + plain(view.sod, 0) + " mm, magnified " +
    (view.sid / view.sod).toFixed(2) + " times at the isocentre";

  return { plus, dot, pose, matrix, mtre, letters, words, magnified };
})();
