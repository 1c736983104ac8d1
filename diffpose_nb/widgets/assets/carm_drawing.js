// The C-arm around the patient in two drawings: from the feet, where the primary angle shows, and from the patient's
// left, where the secondary does.
globalThis.diffposeCArm ??= {};
diffposeCArm.drawing ??= (() => {
  const SIDES = [
    // title, the world axes to the right and up, with their signs, letters left, right and top, angle, patient's outline
    ["from the feet", [0, -1],
      [1, 1], "RLA", "primary", "feet"
    ],
    ["from the left", [2, 1],
      [1, 1], "FHA", "secondary", "left"
    ],
  ];
  const line = (points, more) => '<polyline points="' + points.map((p) => p.map(Math.round)).join(" ") + '" ' +
    more + "/>";

  const side = (view, pose, field, outline, [title, across, up, letters, angle, name]) => {
    const { plus } = diffposeCArm.geometry, half = field / 2;
    // The table moves the patient; the isocentre stays where it is.
    const flat = (p) => [across[1] * p[across[0]], -up[1] * p[up[0]]];
    const from = (p) => flat(plus(p, pose.isocentre, -1));
    const middle = plus(pose.source, pose.d, view.sid);
    const corners = [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1]
    ].map(([a, b]) => from(plus(plus(middle, pose.u, a * half), pose.v, b * half)));
    const source = from(pose.source);
    // The C runs from the source to the detector on the patient's right, where the image's rows begin.
    const centre = plus(pose.source, pose.d, view.sid / 2);
    const arc = line([...Array(25).keys()].map((n) => {
      const w = Math.PI * n / 24;
      return from(plus(plus(centre, pose.d, -Math.cos(w) * view.sid / 2), pose.u, -Math.sin(w) * view.sid /
        2));
    }), 'class="dp-arm"');
    const body = line([...outline[name], outline[name][0]].map((p) => [p[0] - flat(pose.isocentre)[0], p[1] -
      flat(pose.isocentre)[1]
    ]), 'class="dp-body"');
    const word = (x, y, text, more = "") => '<text x="' + x + '" y="' + y + '" ' + more + ">" + text + "</text>";
    const value = +view[angle].toFixed(1);
    return '<svg viewBox="-860 -900 1720 1960" role="img" aria-label="The C-arm ' + title + ", " + angle +
      " angle " + value + '°">' +
      body + arc +
      '<path d="M0 -800V800" class="dp-axis"/>' +
      corners.map((c) => line([source, c], 'class="dp-ray"')).join("") +
      line([...corners, corners[0]], 'class="dp-detector"') +
      '<circle cx="' + Math.round(source[0]) + '" cy="' + Math.round(source[1]) + '" r="42" class="dp-source"/>' +
      '<circle cx="0" cy="0" r="20" class="dp-centre"/>' +
      word(-850, 35, letters[0]) + word(850, 35, letters[1], 'text-anchor="end"') + word(40, -780, letters[2]) +
      word(0, 1030, title + ": " + angle + " " + value + "°", 'text-anchor="middle"') + "</svg>";
  };
  return (view, pose, field, outline) => SIDES.map((one) => side(view, pose, field, outline, one)).join("");
})();
