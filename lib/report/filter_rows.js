// Shows the rows of the examples that hold what was typed. Without it all rows are shown.
{
  const tools = document.getElementById("find");
  const words = tools.querySelector("input");
  const kind = tools.querySelector("select");
  const status = tools.querySelector("output");
  /** Case and accents make no difference. */
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const rows = [...tools.parentElement.querySelectorAll("tbody tr")]
    .map((row) => ({ row, text: fold(row.textContent) }));

  const update = () => {
    const wanted = fold(words.value).split(/\s+/);
    let shown = 0;
    for (const { row, text } of rows) {
      const isWanted = (!kind?.value || row.dataset.kind === kind.value) &&
        wanted.every((word) => text.includes(word));
      row.hidden = !isWanted;
      if (isWanted) shown++;
    }
    status.textContent = `${shown} of ${rows.length} rows shown`;
  };

  words.addEventListener("input", update);
  kind?.addEventListener("change", update);
  tools.hidden = false;
  update();
}
