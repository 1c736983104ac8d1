for (const box of document.querySelectorAll(".dp-scene:not([data-ready])")) {
  box.dataset.ready = "yes";
  const { addresses, wait, shown } = JSON.parse(box.dataset.settings), [frame, says] = box.children;
  const data = document.getElementById("jupyter-config-data");
  const base = (data && JSON.parse(data.textContent).baseUrl) || "/";
  const answers = async (address) => {
    // Through the proxy the page is of our own origin and its status is told; from another port only that it came.
    const own = new URL(address, location.href).origin === location.origin;
    try {
      const response = await fetch(address, own ? {} : { mode: "no-cors" });
      return own ? response.ok : true;
    } catch { return false; }
  };
  const look = async () => {
    for (const end = Date.now() + 1000 * wait; Date.now() < end;) {
      for (const address of addresses.map((one) => one.replace(/^BASE/, base))) {
        if (await answers(address)) {
          frame.removeAttribute("srcdoc");
          frame.src = address;
          return "kernel";
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    says.textContent = shown +
      ": the kernel's own server cannot be reached from here. In JupyterLab on the kernel's " +
      "machine, or with jupyter-server-proxy beside JupyterLab, the kernel draws it.";
    return "browser";
  };
  if (addresses.length) look().then((drawn) => { box.dataset.drawn = drawn; });
  else box.dataset.drawn = "browser";
}
