// Two pictures of one place, and a line between them that the pointer moves: left of it one picture, right of it the other.

export default {
  render({ model, el }) {
    const frame = document.createElement("div");
    frame.className = "coin-swipe";
    frame.tabIndex = 0;
    frame.setAttribute("role", "slider");
    frame.setAttribute("aria-valuemin", "0");
    frame.setAttribute("aria-valuemax", "100");
    frame.style.cssText =
      "position: relative; max-width: 900px; user-select: none; touch-action: pan-y; cursor: ew-resize; line-height: 0";
    const under = document.createElement("img");
    const over = document.createElement("img");
    under.style.cssText = "display: block; width: 100%";
    over.style.cssText = "position: absolute; left: 0; top: 0; width: 100%; height: 100%";
    const line = document.createElement("div");
    line.style.cssText =
      "position: absolute; top: 0; bottom: 0; width: 0; border-left: 2px solid white; box-shadow: 0 0 0 1px #D55E00";
    const names = ["left", "right"].map((side) => {
      const name = document.createElement("div");
      name.style.cssText =
        `position: absolute; top: 6px; ${side}: 6px; padding: 2px 6px; font-size: 13px; line-height: 1.3;` +
        "color: black; background: #ffffffcc; pointer-events: none";
      return name;
    });
    for (const image of [under, over]) image.draggable = false;
    frame.append(under, over, line, ...names);
    el.append(frame);

    const addresses = {};
    const address = (name) => {
      if (!addresses[name]) {
        const bytes = model.get("pictures")[name];
        addresses[name] = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
      }
      return addresses[name];
    };
    const draw = () => {
      const [left, right, share] = ["left", "right", "share"].map((name) => model.get(name));
      over.src = address(left);
      under.src = address(right);
      [over.alt, under.alt] = [left, right];
      over.style.clipPath = `inset(0 ${100 * (1 - share)}% 0 0)`;
      line.style.left = `calc(${100 * share}% - 1px)`;
      [names[0].textContent, names[1].textContent] = [left, right];
      frame.setAttribute("aria-valuenow", String(Math.round(100 * share)));
      frame.setAttribute("aria-label", `${left} to the left, ${right} to the right`);
    };
    const move = (share) => {
      model.set("share", Math.min(Math.max(share, 0), 1));
      draw();
    };
    const at = (event) => {
      const box = frame.getBoundingClientRect();
      return (event.clientX - box.left) / box.width;
    };
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      move(at(event));
    });
    frame.addEventListener("pointermove", (event) => {
      if (frame.hasPointerCapture(event.pointerId)) move(at(event));
    });
    frame.addEventListener("pointerup", () => model.save_changes());
    frame.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (!step) return;
      event.preventDefault(); // or JupyterLab would take it
      event.stopPropagation();
      move(model.get("share") + step);
      model.save_changes();
    });
    const watched = "change:left change:right change:share";
    model.on(watched, draw);
    draw();
    return () => {
      model.off(watched, draw);
      Object.values(addresses).forEach((each) => URL.revokeObjectURL(each));
    };
  },
};
