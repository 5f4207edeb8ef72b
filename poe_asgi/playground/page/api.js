// Calls of the playground's server. The token stands in the page's address, and goes out in a header.

const token = new URLSearchParams(location.search).get("token") ?? "";

/** The answer of one call, as the JSON it is. Throws an Error whose message is for the user. */
export async function call(method, path, body, headers = {}) {
  const response = await send(method, path, body, headers);
  return response.json();
}

/** The answer of one call as a Blob. */
export async function callForBlob(path) {
  const response = await send("GET", path);
  return response.blob();
}

/** Everything, then news, for as long as the server is there: `onNews` gets one object at a time. */
export async function listen(onNews, onLost) {
  for (;;) {
    try {
      const response = await send("GET", "live");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        lines.forEach((line) => onNews(JSON.parse(line)));
      }
      onLost("The playground has stopped. Waiting for it to come back…");
    } catch (error) {
      onLost(error instanceof TypeError ? "The playground has stopped. Waiting for it to come back…" : error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function send(method, path, body, headers = {}) {
  const isJson = body !== undefined && !(body instanceof Blob);
  const response = await fetch(`api/${path}`, {
    method,
    headers: { "x-playground-token": token, ...(isJson ? { "content-type": "application/json" } : {}), ...headers },
    body: isJson ? JSON.stringify(body) : body,
    cache: "no-store",
  });
  if (response.ok) return response;
  const text = await response.text();
  let message = text;
  try {
    message = JSON.parse(text).error;
  } catch {
    // It is no JSON, but a sentence.
  }
  throw new Error(message || `The playground answered ${response.status}.`);
}
