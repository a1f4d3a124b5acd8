// What Gradio's page lacks: folders for its drop zone, and frames of the right height.
(() => {
  const ENDINGS = /* endings */ [];

  addEventListener("message", ({ source, data }) => {
    if (!Number.isFinite(data?.height)) return;
    for (const frame of document.querySelectorAll("iframe.emojax-page"))
      if (frame.contentWindow === source)
        frame.style.height = `${Math.min(Math.max(data.height, 40), 2e5)}px`;
  });

  const isPicture = (path) => !path.split("/").some((part) => part.startsWith(".")) &&
    ENDINGS.some((ending) => path.toLowerCase().endsWith(ending));

  // Under its place below the folder, as a file alone has no other name.
  const renamed = (file, path) =>
    new File([file], path, { type: file.type, lastModified: file.lastModified });

  async function below(entry) {
    const path = entry.fullPath.replace(/^\//, "");
    if (entry.isFile)
      return [[await new Promise((done, fail) => entry.file(done, fail)), path]];
    const reader = entry.createReader(), entries = [];
    for (;;) { // a call gives at most a hundred
      const some = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!some.length) break;
      entries.push(...some);
    }
    return (await Promise.all(entries.map(below))).flat();
  }

  function hand(files, others) {
    const sentences = [
      files.length ? "" : "There are no pictures in the folder.",
      others ? `${others} other files there are hidden, or no pictures by their ` +
        "endings, and have no row; drop one by itself to have it tried." : "",
    ];
    document.querySelector("#emojax-others").textContent = sentences.join(" ");
    const input = document.querySelector("#emojax-files input[type=file]");
    if (!input || !files.length) return;
    files.sort((a, b) => (a.name < b.name ? -1 : 1)); // as predict lists a folder
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  addEventListener("drop", async (event) => {
    if (!event.target.closest?.("#emojax-files")) return;
    const entries = [...event.dataTransfer.items]
      .map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.some((entry) => entry.isDirectory)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const files = [];
    let others = 0;
    for (const entry of entries)
      for (const [file, path] of await below(entry))
        if (entry.isFile || isPicture(path)) files.push(renamed(file, path));
        else others++;
    hand(files, others);
  }, true);

  addEventListener("change", (event) => {
    if (!event.target.matches?.("#emojax-folder")) return;
    const all = [...event.target.files];
    const files = all.filter((file) => isPicture(file.webkitRelativePath));
    event.target.value = "";
    hand(files.map((file) => renamed(file, file.webkitRelativePath)),
      all.length - files.length);
  }, true);
})();
