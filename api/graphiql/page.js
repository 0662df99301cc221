// Questions go by POST /graphql with the key of this tab; subscriptions by graphql-transport-ws.
"use strict";

const KEPT = "cartera-key";
const ENDPOINT = new URL("graphql", window.location.href);
const root = ReactDOM.createRoot(document.getElementById("graphiql"));
const field = document.getElementById("key");

function key() {
  return sessionStorage.getItem(KEPT) || "";
}

async function ask(question) {
  const headers = { "Content-Type": "application/json" };
  if (key()) headers.Authorization = `Bearer ${key()}`;
  const answer = await fetch(ENDPOINT, { method: "POST", headers, body: JSON.stringify(question) });
  return answer.json();
}

function listen(question) {
  return {
    subscribe(observer) {
      const url = new URL(ENDPOINT);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = new WebSocket(url, "graphql-transport-ws");
      const send = (message) => socket.send(JSON.stringify(message));
      socket.onopen = () =>
        send({ type: "connection_init", payload: { authorization: `Bearer ${key()}` } });
      socket.onmessage = ({ data }) => {
        const { type, payload } = JSON.parse(data);
        if (type === "connection_ack") send({ id: "1", type: "subscribe", payload: question });
        if (type === "ping") send({ type: "pong" });
        if (type === "next") observer.next(payload);
        if (type === "error") observer.next({ errors: payload });
        if (type === "complete" || type === "error") socket.close(1000);
      };
      socket.onclose = ({ code, reason }) =>
        code === 1000 ? observer.complete() : observer.error(new Error(reason || `closed: ${code}`));
      return { unsubscribe: () => socket.close(1000) };
    },
  };
}

// The tree that GraphiQL may hand over lags behind what was just typed: the text is looked at.
function isSubscription({ query, operationName }) {
  const plain = query.replace(/"""[\s\S]*?"""|"(?:\\.|[^"\\])*"|#.*/g, "");
  const name = operationName ? `\\s+${operationName}\\b` : "";
  return new RegExp(`(?:^|\\})\\s*subscription\\b${name}`).test(plain);
}

function fetcher(question) {
  return isSubscription(question) ? listen(question) : ask(question);
}

function show() {
  field.value = key();
  // Another key may see another schema: a new component asks for it again.
  root.render(
    React.createElement(GraphiQL, {
      key: key(),
      fetcher,
      isHeadersEditorEnabled: false,
      defaultQuery: "{\n  businessDate\n  position\n}\n",
    }),
  );
}

document.getElementById("who").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEPT, field.value.trim());
  show();
});
show();
